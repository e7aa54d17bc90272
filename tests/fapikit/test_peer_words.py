"""What a peer says is part of the error: escaped, cut, and without what we sent it in secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit import base64url
from fapikit.errors import PeerRefused, UnexpectedStatus
from fapikit.http_message import HttpRequest, HttpResponse, form_request, read_refusal, words_in
from fapikit.peer_words import LONGEST, repeatable, words_of
from tests.hands import answer

SAID: dict[str, tuple[dict[str, Any], str]] = {
    "code and description": (
        {"error": "invalid_grant", "error_description": "Grant not found"},
        'invalid_grant: "Grant not found"',
    ),
    "a code alone": ({"error": "invalid_grant"}, "invalid_grant"),
    "an empty description": ({"error": "invalid_grant", "error_description": ""}, "invalid_grant"),
    "a description that is no text": (
        {"error": "invalid_grant", "error_description": {"code": 7}},
        'invalid_grant: "{"code":7}"',
    ),
    "a framework's own error": (
        {"timestamp": 1, "status": 401, "error": "Unauthorized", "message": "Bad credentials"},
        'Unauthorized: "Bad credentials"',
    ),
    "an error that is an object": (
        {"error": {"type": "OAuthException", "code": 100}},
        '"{"error":{"type":"OAuthException","code":100}}"',
    ),
    "a gateway's words": ({"fault": {"faultstring": "Quota"}}, '"{"fault":{"faultstring":"Quota"}}"'),
    "letters beyond ASCII": ({"error": "x", "error_description": "Código inválido"}, 'x: "Código inválido"'),
    "nothing": ({}, ""),
}


@pytest.mark.spec("RFC 6749 5.2")
@pytest.mark.parametrize("what", SAID)
def test_is_said(what: str) -> None:
    members, text = SAID[what]
    assert str(words_of(members)) == text
    assert bool(words_of(members)) is bool(text)


@given(st.text(max_size=600))
def test_is_printable_and_short(text: str) -> None:
    shown = repeatable(text)
    assert shown.isprintable()
    assert len(shown) <= LONGEST


def test_members_that_are_null_say_nothing() -> None:
    assert not words_of({"error": None, "error_description": None})
    assert str(words_of({"error": None, "detail": "down"})) == '"{"detail":"down"}"'


def test_what_is_cut_is_seen_to_be_cut() -> None:
    assert repeatable("x " * 100) == "x " * 100
    assert repeatable("x " * 100 + "y") == ("x " * 100)[:197] + "..."
    assert repeatable("a\n\x1b[31m") == "a\\n\\x1b[31m"


def echoing(request: HttpRequest, text: str, status: int = 400) -> HttpResponse:
    given = answer({"error": "invalid_grant", "error_description": text}, status)
    return HttpResponse(given.status, given.headers, given.body, given.url, request)


SECRETS = {
    "code": "a-code-that-is-secret",
    "refresh_token": "a-refresh-token-that-is-secret",
    "client_secret": "a-client-secret",
    "a_parameter_nobody_knows": "perhaps-a-secret",
}


@pytest.mark.spec("RFC 6749 10.3")
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_a_peer_repeats_is_not_repeated_again(name: str) -> None:
    request = form_request(
        "https://as.example/token", [("grant_type", "authorization_code"), (name, SECRETS[name])]
    )
    error = read_refusal(echoing(request, f"{SECRETS[name]} is not known here"), clause="RFC 1 1")
    assert isinstance(error, PeerRefused)
    assert error.peer_description == "*** is not known here"
    assert SECRETS[name] not in f"{error} {dict(error.facts)} {error.__notes__}"


def test_credentials_in_a_header_are_secrets_too() -> None:
    request = HttpRequest("POST", "https://as.example/x", (("Authorization", "Bearer initial-access-token"),))
    assert words_in(echoing(request, "initial-access-token is no token")).description == "*** is no token"


def test_what_is_no_secret_is_repeated() -> None:
    form = [("scope", "accounts payments"), ("redirect_uri", "https://fintech.example/cb")]
    request = form_request("https://as.example/par", form)
    said = "scope accounts payments and https://fintech.example/cb are not registered"
    assert words_in(echoing(request, said)).description == said


THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
OTHER = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
JWT = f"{base64url.encode(json.dumps({'alg': 'ES256', 'kid': THUMBPRINT}).encode())}.e30.c2ln"


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ((), [("client_assertion", JWT)]),
        ((), [("request", JWT)]),
        ((("DPoP", JWT),), []),
        ((("Authorization", f"Bearer {JWT}"),), []),
        ((), [("client_id", THUMBPRINT)]),
        ((), [("dpop_jkt", THUMBPRINT)]),
    ],
)
@pytest.mark.parametrize("said", ["no key has kid '{}'", "no key has kid {}.", "unknown key: kid={}"])
def test_what_the_request_tells_openly_is_repeated(headers: Any, form: Any, said: str) -> None:
    """The kid of a JWT is the thumbprint of a public key, and looks like a secret."""
    request = form_request("https://as.example/token", [("grant_type", "client_credentials"), *form])
    request = HttpRequest(request.method, request.url, (*request.headers, *headers), request.body)
    assert words_in(echoing(request, said.format(THUMBPRINT))).description == said.format(THUMBPRINT)
    assert OTHER not in (words_in(echoing(request, said.format(OTHER))).description or "")
    assert JWT not in (words_in(echoing(request, f"{JWT} is bad")).description or "")


def test_a_secret_is_masked_even_if_it_is_told_openly_too() -> None:
    form = [("client_id", THUMBPRINT), ("client_secret", THUMBPRINT)]
    request = form_request("https://as.example/token", form)
    assert words_in(echoing(request, f"{THUMBPRINT} is bad")).description == "*** is bad"


@pytest.mark.parametrize("value", ["eyJ.x.y", "eyJub3QganNvbg.x.y", "eyJraWQiOjF9.x.y", "eyJhIjoxfQ.x.y"])
def test_what_only_resembles_a_jwt_tells_nothing(value: str) -> None:
    request = form_request("https://as.example/token", [("client_assertion", value)])
    assert words_in(echoing(request, f"{OTHER} is bad")).description == "*** is bad"


def test_a_server_that_failed_is_quoted_too() -> None:
    error = read_refusal(answer({"error": "server_error", "error_description": "db"}, 500), clause="RFC 1 1")
    assert isinstance(error, UnexpectedStatus)
    assert str(error) == 'https://as.example/there answered with status 500: server_error: "db" [RFC 1 1]'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"access_token": "2YotnFZFEjr1zCsicMWpAA"}', '{"access_token": "***"}'),
        ("the token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln is bad", "the token *** is bad"),
        ("x" * 43, "***"),
        (
            "request 0b5c1b3e-52e7-4a0f-9d55-6f5a0f0e2b11 failed",
            "request 0b5c1b3e-52e7-4a0f-9d55-6f5a0f0e2b11 failed",
        ),
        ("invalid_authorization_details for accounts", "invalid_authorization_details for accounts"),
        ("see https://bank.example/errors", "see https://bank.example/errors"),
    ],
)
def test_what_looks_like_a_token_is_not_repeated(text: str, shown: str) -> None:
    """A server that breaks half-way may quote, or send, the very token that it was about to give."""
    assert repeatable(text) == shown


@pytest.mark.parametrize(
    "name",
    [
        "register tls_client_certificate_bound_access_tokens",
        "authorization_details.0.instructed_amount is missing",
        "backchannel_authentication_request_signing_alg.",
    ],
)
def test_a_name_of_the_specifications_is_no_secret_however_long_it_is(name: str) -> None:
    assert repeatable(name) == name


@pytest.mark.parametrize(
    "secret",
    ["kq.zr_8d3f.wpx_0a9s.xx.qq", "a" * 25 + "_" + "a" * 25, "a_b.C3_d4.e_f_g_h_i_j_k_l"],
)
def test_what_only_resembles_such_a_name_is_masked(secret: str) -> None:
    assert repeatable(secret) == "***"
