"""Server metadata: where it is asked for, and what makes it unusable."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.errors import (
    ConfigurationError,
    FapiError,
    InsecureUrl,
    IssuerMismatch,
    MalformedMessage,
    MissingMetadata,
    Remedy,
    UnexpectedStatus,
)
from fapikit.http_message import HttpResponse
from fapikit.metadata import ServerMetadata, discover, read_metadata, well_known_url
from tests.hands import Hand, answer

AS = "https://as.example/tenant"
GOOD: dict[str, Any] = {
    "issuer": AS,
    "token_endpoint": f"{AS}/token",
    "scopes_supported": ["openid"],
    "request_parameter_supported": True,
    "authorization_response_iss_parameter_supported": True,
    "mtls_endpoint_aliases": {"token_endpoint": "https://mtls.as.example/token"},
    "unknown_member": {"a": [1]},
}


@pytest.mark.spec("RFC 8414 3", "FAPI2-SP 5.3.3.1-9", "FAPI1-BL 5.2.3-11")
@pytest.mark.parametrize(
    "issuer, oauth, openid",
    [
        (
            "https://a.example",
            "https://a.example/.well-known/oauth-authorization-server",
            "https://a.example/.well-known/openid-configuration",
        ),
        (
            "https://a.example/",
            "https://a.example/.well-known/oauth-authorization-server",
            "https://a.example/.well-known/openid-configuration",
        ),
        (
            "https://a.example/t/1",
            "https://a.example/.well-known/oauth-authorization-server/t/1",
            "https://a.example/t/1/.well-known/openid-configuration",
        ),
        (
            "https://a.example:8443/t/",
            "https://a.example:8443/.well-known/oauth-authorization-server/t",
            "https://a.example:8443/t/.well-known/openid-configuration",
        ),
    ],
)
def test_the_document_has_its_place(issuer: str, oauth: str, openid: str) -> None:
    assert well_known_url(issuer, "oauth-authorization-server") == oauth
    assert well_known_url(issuer, "openid-configuration") == openid


def test_a_missing_document_of_one_kind_leads_to_the_other() -> None:
    for status in (404, 403, 410):
        hand = Hand(answer(b"", status), answer(GOOD))
        assert hand.run(discover(AS)).issuer == AS
        assert [request.url for request in hand.requests] == [
            well_known_url(AS, "oauth-authorization-server"),
            well_known_url(AS, "openid-configuration"),
        ]
    with pytest.raises(UnexpectedStatus):
        Hand(answer(b"", 404), answer(b"", 404)).run(discover(AS))
    with pytest.raises(UnexpectedStatus):
        Hand(answer(b"", 500)).run(discover(AS))


@pytest.mark.spec("FAPI2-SP 5.3.3.1-10")
@pytest.mark.parametrize(
    "issuer, error",
    [
        ("http://as.example", InsecureUrl),
        ("as.example", InsecureUrl),
        ("https://u:p@as.example", InsecureUrl),
        ("https://as.example\n", InsecureUrl),
        ("https://as.example?x", ConfigurationError),
        ("https://as.example#x", ConfigurationError),
    ],
)
def test_an_issuer_that_cannot_be_trusted_is_not_asked(issuer: str, error: type[FapiError]) -> None:
    hand = Hand()
    with pytest.raises(error):
        hand.run(discover(issuer))
    assert hand.requests == []


@pytest.mark.spec("RFC 8414 3.3", "FAPI2-SP 5.3.3.1-11")
@pytest.mark.parametrize("issuer", [None, AS + "/", AS.upper(), "https://evil.example", [AS], 5])
def test_another_issuer_is_refused_code_point_for_code_point(issuer: Any) -> None:
    with pytest.raises(IssuerMismatch) as refused:
        Hand(answer({**GOOD, "issuer": issuer})).run(discover(AS))
    assert refused.value.clause == "RFC 8414 3.3"
    mistyped = issuer in (AS + "/", AS.upper())
    assert refused.value.remedy is (Remedy.FIX_CONFIGURATION if mistyped else Remedy.TELL_THE_PEER)
    assert ("letter by letter" in str(refused.value)) == mistyped


@pytest.mark.parametrize("refusal", [answer(b"<html>", 404), answer({"error": "invalid_request"}, 400)])
def test_where_no_metadata_is_the_issuer_may_be_mistyped(refusal: HttpResponse) -> None:
    with pytest.raises(UnexpectedStatus, match="letter by letter") as refused:
        Hand(refusal, refusal).run(discover(AS))
    assert refused.value.remedy is Remedy.FIX_CONFIGURATION
    with pytest.raises(UnexpectedStatus) as refused:
        Hand(answer(b"", 502)).run(discover(AS))
    assert refused.value.remedy is Remedy.RETRY_LATER


MALFORMED: dict[str, tuple[HttpResponse, type[FapiError]]] = {
    "no JSON": (answer(b"<html>"), MalformedMessage),
    "a list": (answer([GOOD]), MalformedMessage),
    "issuer twice": (answer(b'{"issuer":"https://as.example/tenant","issuer":"x"}'), MalformedMessage),
    "list is a string": (answer({**GOOD, "scopes_supported": "openid"}), MalformedMessage),
    "list holds a number": (answer({**GOOD, "scopes_supported": ["openid", 1]}), MalformedMessage),
    "flag is a string": (answer({**GOOD, "request_parameter_supported": "true"}), MalformedMessage),
    "endpoint is a list": (answer({**GOOD, "token_endpoint": ["x"]}), MalformedMessage),
    "endpoint in clear text": (answer({**GOOD, "token_endpoint": "http://as.example/token"}), InsecureUrl),
    "endpoint with a user": (answer({**GOOD, "jwks_uri": "https://a@b.example/"}), InsecureUrl),
    "aliases a list": (answer({**GOOD, "mtls_endpoint_aliases": []}), MalformedMessage),
    "alias in clear text": (
        answer({**GOOD, "mtls_endpoint_aliases": {"token_endpoint": "http://x.example"}}),
        InsecureUrl,
    ),
    "alias a number": (answer({**GOOD, "mtls_endpoint_aliases": {"token_endpoint": 1}}), MalformedMessage),
}


@pytest.mark.spec("RFC 8414 2", "RFC 8414 3.2")
@pytest.mark.parametrize("name", MALFORMED)
def test_refuses(name: str) -> None:
    response, error = MALFORMED[name]
    with pytest.raises(error):
        Hand(response).run(discover(AS))


def metadata() -> ServerMetadata:
    return read_metadata(AS, GOOD)


@pytest.mark.spec("RFC 8705 5", "FAPI2-SP 5.3.3.1-7")
def test_an_alias_is_preferred_where_one_is_listed_and_only_with_mutual_tls() -> None:
    known = read_metadata(AS, {**GOOD, "userinfo_endpoint": f"{AS}/me"})
    assert known.endpoint("token_endpoint") == f"{AS}/token"
    assert known.endpoint("token_endpoint", mtls=True) == "https://mtls.as.example/token"
    assert known.endpoint("userinfo_endpoint", mtls=True) == f"{AS}/me"


def test_a_missing_endpoint_is_named() -> None:
    with pytest.raises(MissingMetadata) as missing:
        metadata().endpoint("revocation_endpoint")
    assert missing.value.facts["member"] == "revocation_endpoint"
    assert not metadata().has("revocation_endpoint")


def test_members_are_read_by_their_type() -> None:
    known = metadata()
    assert known.strings("scopes_supported") == ("openid",)
    assert known.strings("acr_values_supported") is None
    assert known.flag("request_parameter_supported")
    assert not known.flag("require_pushed_authorization_requests")
    with pytest.raises(MalformedMessage):
        known.strings("request_parameter_supported")


def test_is_read_only() -> None:
    known: Any = metadata()
    with pytest.raises(TypeError):
        known.raw["issuer"] = "x"
    with pytest.raises(TypeError):
        known.mtls_endpoint_aliases["token_endpoint"] = "x"


def test_a_list_of_other_things_is_never_taken_for_strings() -> None:
    with pytest.raises(MalformedMessage):
        read_metadata(AS, {**GOOD, "contacts": ["a", 1]}).strings("contacts")
    assert read_metadata(AS, {**GOOD, "contacts": ["a"]}).strings("contacts") == ("a",)
