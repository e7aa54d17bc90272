"""What a newcomer hands over in the wrong form is named where it is given, not at the first request."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

import wsgi_mw
from fapikit.errors import ConfigurationError, InsecureUrl
from rskit import Access, Introspection, Issuer, ResourceServer
from rskit.testing import Mint
from tests.keys import a_key

API = "https://api.example"
BANK = Issuer("https://as.example")

WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "an issuer alone": (lambda: server(issuers=BANK), r"issuers=\[Issuer\(url\)\]"),
    "an issuer's URL": (lambda: server(issuers=BANK.url), r"issuers=\[Issuer\(url\)\]"),
    "a store's URL": (lambda: server(store="sqlite:///marks.db"), "store_from_url"),
    "a nonce key as text": (lambda: server(nonces="k" * 32), "key of 32 octets or more"),
    "one binding": (lambda: server(bindings="dpop"), "put it into a list"),
    "a key to introspect with": (lambda: Introspection("api", a_key()), "such as PrivateKeyJWT"),  # type: ignore[arg-type]
    "where its metadata are": (
        lambda: Issuer("https://as.example/.well-known/openid-configuration"),
        "give the issuer that they name",
    ),
    "both swapped": (lambda: Introspection(a_key(), "api"), "such as PrivateKeyJWT"),  # type: ignore[arg-type]
    "no class at all": (lambda: Access(acr=[]), "acr must be one class"),
    "an empty class": (lambda: Access(acr=""), "acr must be one class"),
    "classes in one text": (lambda: Access(acr="phr mfa"), "acr must be one class"),
    "a class that is no text": (lambda: Access(acr=[2]), "acr must be one class"),  # type: ignore[list-item]
    "an age as text": (lambda: Access("accounts", max_age="60"), "max_age must be a whole number"),  # type: ignore[arg-type]
}


def server(**settings: Any) -> ResourceServer:
    return ResourceServer(**{"resource": API, "issuers": [BANK], **settings})


def test_an_api_without_a_url_is_told_where_its_other_name_goes() -> None:
    with pytest.raises(InsecureUrl, match=r"set Issuer\(audience=\.\.\.\)"):
        server(resource="accounts-api")


@pytest.mark.parametrize("mistake", WRONG)
def test_the_mistake_is_named(mistake: str) -> None:
    make, words = WRONG[mistake]
    with pytest.raises(ConfigurationError, match=words):
        make()


@pytest.mark.parametrize(
    ("claims", "made_for", "reason", "facts"),
    [
        (
            {"iss": "https://as.example/"},
            ("GET", f"{API}/accounts"),
            "UnknownIssuer",
            {"got": "https://as.example/", "trusted": "https://as.test"},
        ),
        (
            {},
            ("GET", "http://10.0.0.1/accounts?x=1"),
            "WrongUrl",
            {"got": "http://10.0.0.1/accounts", "expected": f"{API}/accounts"},
        ),
        ({}, ("POST", f"{API}/accounts"), "WrongMethod", {"got": "POST", "expected": "GET"}),
    ],
)
def test_the_log_says_what_came_and_what_was_expected(
    claims: dict[str, Any],
    made_for: tuple[str, str],
    reason: str,
    facts: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = logged(caplog, claims, made_for)
    assert told.reason == reason
    assert facts.items() <= told.facts.items()


def logged(
    caplog: pytest.LogCaptureFixture,
    claims: dict[str, Any],
    made_for: tuple[str, str] = ("GET", f"{API}/accounts"),
) -> Any:
    """What the log says of a request with a token of these claims, and a proof that was made for this."""
    mint = Mint()
    protected = wsgi_mw.Protect(_never, mint.resource_server(API))
    headers = mint.headers(*made_for, scope="accounts", **claims)
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/accounts",
        "QUERY_STRING": "",
        "wsgi.url_scheme": "https",
        "HTTP_AUTHORIZATION": headers["Authorization"],
        "HTTP_DPOP": headers["DPoP"],
    }
    with caplog.at_level(logging.INFO, "rskit"):
        list(protected(environ, lambda *_: None))
    (told,) = [record.rskit for record in caplog.records if hasattr(record, "rskit")]
    return told


@pytest.mark.parametrize(
    ("audience", "hint"),
    [
        (f"{API}/", f"only a slash at the end differs: write resource='{API}/' here, as the server does"),
        (["https://other.example", f"{API}/"], f"only a slash at the end differs: write resource='{API}/'"),
        ("https://other.example", "does the server write another audience for this API?"),
        (f"{API}/v1", "does the server write another audience for this API?"),
    ],
)
def test_an_audience_that_differs_by_a_slash_is_told_from_another_one(
    audience: Any, hint: str, caplog: pytest.LogCaptureFixture
) -> None:
    told = logged(caplog, {"aud": audience})
    assert told.reason == "WrongAudience"
    assert told.hint.startswith(hint)


@pytest.mark.parametrize(
    ("claims", "clause"),
    [
        ({"scope": ["accounts", 7]}, "RFC 9068 2.2.3"),
        ({"authorization_details": "payment"}, "RFC 9396 9"),
        ({"cnf": "key"}, "RFC 7800 3.1"),
        ({"cnf": {"jkt": "short"}}, "RFC 7800 3.1"),
    ],
)
def test_a_malformed_claim_has_a_clause(
    claims: dict[str, Any], clause: str, caplog: pytest.LogCaptureFixture
) -> None:
    mint = Mint()
    protected = wsgi_mw.Protect(_never, mint.resource_server(API))
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/accounts",
        "QUERY_STRING": "",
        "HTTP_AUTHORIZATION": f"Bearer {mint.token(bound=False, **claims)}",
    }
    with caplog.at_level(logging.INFO, "rskit"):
        list(protected(environ, lambda *_: None))
    (told,) = [record.rskit for record in caplog.records if hasattr(record, "rskit")]
    assert (told.reason, told.clause) == ("MalformedClaim", clause)


def _never(*_: Any) -> Any:
    raise AssertionError("the request passed")
