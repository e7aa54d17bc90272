"""One good access token, and a table of single changes, each refused with its own error; fast path or slow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fapikit import errors as e
from fapikit.jose.key_set import KeySet
from rskit import errors as rs
from tests.clocks import NOW
from tests.keys import a_key, b64, jws_of, signature_of
from tests.rskit.mothers import (
    AS_KEY,
    ISSUER,
    RESOURCE,
    a_server,
    a_token,
    a_view,
    allowed,
    an_issuer,
    refused,
    token_claims,
)

CLAIMS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"iss": None}, rs.UnknownIssuer, "RFC 9068 4-3"),
    ({"iss": "https://as.example/"}, rs.UnknownIssuer, "RFC 9068 4-3"),
    ({"iss": "https://as.exampl"}, rs.UnknownIssuer, "RFC 9068 4-3"),
    ({"iss": [ISSUER]}, rs.UnknownIssuer, "RFC 9068 4-3"),
    ({"aud": None}, e.MissingClaim, "RFC 9068 4-4"),
    ({"aud": []}, e.MalformedClaim, "RFC 9068 4-4"),
    ({"aud": [RESOURCE, 7]}, e.MalformedClaim, "RFC 9068 4-4"),
    ({"aud": [{}]}, e.MalformedClaim, "RFC 9068 4-4"),
    ({"aud": {}}, e.MalformedClaim, "RFC 9068 4-4"),
    ({"aud": RESOURCE + "/"}, e.WrongAudience, "RFC 9068 4-4"),
    ({"aud": RESOURCE[:-1]}, e.WrongAudience, "RFC 9068 4-4"),
    ({"aud": "https://other.example"}, e.WrongAudience, "RFC 9068 4-4"),
    ({"exp": None}, e.MissingClaim, "RFC 9068 4-6"),
    ({"exp": int(NOW) - 30}, e.Expired, "RFC 9068 4-6"),
    ({"exp": str(int(NOW) + 300)}, e.MalformedClaim, "RFC 9068 4-6"),
    ({"exp": True}, e.MalformedClaim, "RFC 9068 4-6"),
    ({"iat": None}, e.MissingClaim, "RFC 9068 2.2"),
    ({"iat": int(NOW) + 31}, e.NotYetValid, "RFC 7519 4.1.5"),
    ({"iat": False}, e.MalformedClaim, "RFC 9068 2.2"),
    ({"nbf": int(NOW) + 31}, e.NotYetValid, "RFC 7519 4.1.5"),
    ({"nbf": "soon"}, e.MalformedClaim, ""),
    ({"sub": None}, e.MissingClaim, "RFC 9068 2.2"),
    ({"sub": 7}, e.MalformedClaim, "RFC 9068 2.2"),
    ({"client_id": None}, e.MissingClaim, "RFC 9068 2.2"),
    ({"client_id": {}}, e.MalformedClaim, "RFC 9068 2.2"),
    ({"jti": None}, e.MissingClaim, "RFC 9068 2.2"),
    ({"nonce": "n"}, e.ForbiddenClaim, "RFC 8725 3.12"),
    ({"at_hash": "h"}, e.ForbiddenClaim, "RFC 8725 3.12"),
    ({"events": {}}, e.ForbiddenClaim, "RFC 8725 3.12"),
    ({"scope": ["accounts", 7]}, e.MalformedClaim, "RFC 9068 2.2.3"),
    ({"authorization_details": {"type": "x"}}, e.MalformedClaim, "RFC 9396 9"),
    ({"authorization_details": [{"no": "type"}]}, e.MalformedClaim, "RFC 9396 9"),
    ({"scope": 7}, e.MalformedClaim, "RFC 9068 2.2.3"),
    ({"authorization_details": {}}, e.MalformedClaim, "RFC 9396 9"),
    ({"authorization_details": ""}, e.MalformedClaim, "RFC 9396 9"),
    ({"authorization_details": 7}, e.MalformedClaim, "RFC 9396 9"),
    ({"authorization_details": ["x"]}, e.MalformedClaim, "RFC 9396 9"),
    ({"authorization_details": [{"type": 7}]}, e.MalformedClaim, "RFC 9396 9"),
    ({"act": "accounts-api"}, e.MalformedClaim, "RFC 8693 4.1a"),
    ({"act": ["accounts-api"]}, e.MalformedClaim, "RFC 8693 4.1a"),
    ({"act": {}}, e.MalformedClaim, "RFC 8693 4.1a"),
    ({"act": {"act": {"sub": "accounts-api"}}}, e.MalformedClaim, "RFC 8693 4.1a"),
    ({"act": {"sub": 7}}, e.MalformedClaim, "RFC 8693 4.1a"),
    ({"act": {"sub": "accounts-api", "iss": 7}}, e.MalformedClaim, "RFC 8693 4.1a"),
    ({"cnf": {}}, rs.UnknownConfirmation, "RFC 7800 3.1"),
    ({"cnf": {"kid": "k"}}, rs.UnknownConfirmation, "RFC 7800 3.1"),
    ({"cnf": "jkt"}, e.MalformedClaim, "RFC 7800 3.1"),
    ({"cnf": {"jkt": None, "x5t#S256": "A" * 43}}, e.MalformedClaim, "RFC 7800 3.1"),
    ({"cnf": {"jkt": "é" * 43}}, e.MalformedClaim, "RFC 7800 3.1"),
    ({"cnf": {"jkt": "short"}}, e.MalformedClaim, "RFC 7800 3.1"),
    ({"cnf": {"jkt": 7, "x5t#S256": "A" * 43}}, e.MalformedClaim, "RFC 7800 3.1"),
]

HEADERS: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"typ": None}, e.WrongJwtType),
    ({"typ": "JWT"}, e.WrongJwtType),
    ({"typ": "dpop+jwt"}, e.WrongJwtType),
    ({"typ": "token-introspection+jwt"}, e.WrongJwtType),
    ({"typ": ["at+jwt"]}, e.WrongJwtType),
    ({"alg": "none"}, e.ForbiddenAlgorithm),
    ({"alg": "None"}, e.ForbiddenAlgorithm),
    ({"alg": "HS256"}, e.ForbiddenAlgorithm),
    ({"alg": ["ES256"]}, e.ForbiddenAlgorithm),
    ({"alg": "PS256"}, e.KeyNotFound),
    ({"kid": "unknown"}, e.KeyNotFound),
    ({"kid": 7}, e.MalformedJwt),
    ({"crit": ["exp"], "exp": 1}, e.UnknownCritical),
    ({"crit": []}, e.UnknownCritical),
    ({"b64": False}, e.UnknownCritical),
    ({"zip": "DEF"}, e.UnknownCritical),
]


@pytest.fixture(params=["header never seen", "header seen"])
def server(request: pytest.FixtureRequest) -> Any:
    """The second has verified a token before, so that it takes the shorter way."""
    server = a_server()
    if request.param == "header seen":
        allowed(server, a_view(f"Bearer {a_token()}"))
    return server


@pytest.mark.parametrize(("changes", "error", "clause"), CLAIMS, ids=lambda value: str(value)[:40])
def test_a_claim_that_breaks_a_rule(
    server: Any, changes: dict[str, Any], error: type[Exception], clause: str
):
    refusal = refused(server, a_view(f"Bearer {a_token(**changes)}"))
    assert type(refusal.error) is error
    assert refusal.error.clause == clause
    assert (refusal.status, json.loads(refusal.body)["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("payload", [{"nbf": None}, {"nbf": ""}], ids=["null", "empty"])
def test_an_optional_time_without_a_value_is_absent(server: Any, payload: dict[str, Any]):
    header = json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": AS_KEY.kid}).encode()
    claims = json.dumps({**token_claims(), **payload}).encode()
    token = jws_of(header, claims, lambda octets: signature_of(AS_KEY, "ES256", octets))
    allowed(server, a_view(f"Bearer {token}"))


@pytest.mark.parametrize(("changes", "error"), HEADERS, ids=lambda value: str(value)[:40])
def test_a_header_that_breaks_a_rule(server: Any, changes: dict[str, Any], error: type[Exception]):
    members = {"alg": "ES256", "typ": "at+jwt", "kid": AS_KEY.kid, **changes}
    header = json.dumps({name: value for name, value in members.items() if value is not None}).encode()
    token = jws_of(header, json.dumps(token_claims()).encode(), lambda o: signature_of(AS_KEY, "ES256", o))
    refusal = refused(server, a_view(f"Bearer {token}"))
    assert type(refusal.error) is error
    assert json.loads(refusal.body)["error"] == "invalid_token"


def _resigned(token: str, tail: str) -> str:
    return ".".join([*token.split(".")[:2], tail])


SHAPES = {
    "one bit of the payload": (
        lambda t: t.replace(t.split(".")[1], b64(b'{"iss":"%s"}' % ISSUER.encode())),
        e.BadSignature,
    ),
    "another key's signature": (
        lambda t: _resigned(t, a_token(a_key("ES256", 2)).split(".")[2]),
        e.BadSignature,
    ),
    "no signature": (lambda t: _resigned(t, ""), e.BadSignature),
    "r = s = 0": (lambda t: _resigned(t, b64(bytes(64))), e.BadSignature),
    "r = n": (
        lambda t: _resigned(
            t,
            b64(
                bytes.fromhex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551")
                + bytes(31)
                + b"\1"
            ),
        ),
        e.BadSignature,
    ),
    "a signature in DER": (lambda t: _resigned(t, b64(b"\x30\x44" + bytes(68))), e.BadSignature),
    "a payload that names a member twice": (
        lambda t: jws_of(
            json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": AS_KEY.kid}).encode(),
            b'{"iss":"https://as.example","iss":"https://as.example"}',
            lambda o: signature_of(AS_KEY, "ES256", o),
        ),
        e.DuplicateMember,
    ),
    "base64url that is not canonical": (
        lambda t: t[:-1] + chr(ord(t[-1]) + 1) if t[-1] in "AQgw" else t + "=",
        None,
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_token_that_is_not_what_was_signed(server: Any, shape: str):
    change, error = SHAPES[shape]
    refusal = refused(server, a_view(f"Bearer {change(a_token())}"))
    assert isinstance(refusal.error, error or e.FapiError)
    assert json.loads(refusal.body)["error"] in ("invalid_token", "invalid_request")


def test_the_clock_may_differ_by_the_skew_and_no_more(server: Any):
    allowed(server, a_view(f"Bearer {a_token(exp=int(NOW) - 29)}"))
    allowed(server, a_view(f"Bearer {a_token(iat=int(NOW) + 30, nbf=int(NOW) + 10)}"))


def test_several_audiences_and_any_spelling_of_typ_pass(server: Any):
    assert allowed(server, a_view(f"Bearer {a_token()}")).audience == (RESOURCE,)
    several = ["https://other.example", RESOURCE]
    assert allowed(server, a_view(f"Bearer {a_token(aud=several)}")).audience == tuple(several)
    allowed(server, a_view(f"Bearer {a_token(typ='application/AT+JWT')}"))


@pytest.mark.parametrize("alg", ["PS256", "EdDSA", "Ed25519", "ES256"])
def test_each_algorithm_of_fapi_verifies_with_its_own_key(alg: str):
    key = a_key(alg, 1)
    server = a_server(issuers=[an_issuer(keys=KeySet([key.public_key]))])
    for _ in range(2):
        allowed(server, a_view(f"Bearer {a_token(key)}"))


@pytest.mark.spec("FAPI2-SP 5.4.3")
def test_a_kid_of_two_keys_is_resolved_by_kind():
    decoy = a_key("PS256", 1)
    keys = KeySet.from_jwks({"keys": [{**decoy.public_jwk, "kid": AS_KEY.kid}, dict(AS_KEY.public_jwk)]})
    allowed(a_server(issuers=[an_issuer(keys=keys)]), a_view(f"Bearer {a_token()}"))


@pytest.mark.spec("FAPI2-SP 5.4.1-1.2")
def test_no_algorithm_at_all_is_a_mistake_and_not_the_profile_s_choice():
    with pytest.raises(e.ConfigurationError, match="algorithms= is empty"):
        an_issuer(algorithms=frozenset())


def test_the_profile_narrows_the_algorithms():
    key = a_key("RS256", 1)
    keys = KeySet([key.public_key])
    allowed(a_server(issuers=[an_issuer(keys=keys)]), a_view(f"Bearer {a_token(key)}"))
    strict = a_server(issuers=[an_issuer(keys=keys)], profile="fapi1-advanced")
    assert type(refused(strict, a_view(f"Bearer {a_token(key)}")).error) is e.ForbiddenAlgorithm


def test_an_issuer_of_legacy_tokens_is_taken_as_configured():
    legacy = an_issuer(typ="any", required=("iss", "exp", "aud"), scope_claim="scp", max_token_age=60)
    server = a_server(issuers=[legacy])
    old_shape = {"jti": None, "client_id": None, "scope": None, "scp": ["read", "write"]}
    token = allowed(server, a_view(f"Bearer {a_token(typ='JWT', **old_shape)}"))
    assert token.scopes == {"read", "write"}
    for typ in ("dpop+jwt", "logout+jwt", "statuslist+jwt", "token-introspection+jwt"):
        assert type(refused(server, a_view(f"Bearer {a_token(typ=typ)}")).error) is e.WrongJwtType
    assert type(refused(server, a_view(f"Bearer {a_token(typ=None, nonce='n')}")).error) is e.ForbiddenClaim
    assert type(refused(server, a_view(f"Bearer {a_token(typ=None, iat=int(NOW) - 91)}")).error) is e.TooOld


@pytest.mark.parametrize("scopes", [7, {"payments": True}, {}, ["payments", 7], [["payments"]], True])
def test_scopes_elsewhere_are_a_string_or_a_list_of_names(scopes: Any):
    server = a_server(issuers=[an_issuer(scope_claim="scp")])
    assert type(refused(server, a_view(f"Bearer {a_token(scp=scopes)}")).error) is e.MalformedClaim
    assert allowed(server, a_view(f"Bearer {a_token(scp='read  write')}")).scopes == {"read", "write"}
    assert allowed(server, a_view(f"Bearer {a_token(scope='read')}")).scopes == frozenset()


def test_never_relaxed_claims_cannot_be_relaxed():
    with pytest.raises(e.ConfigurationError, match="iss, exp and aud"):
        an_issuer(required=("iss", "aud"))
