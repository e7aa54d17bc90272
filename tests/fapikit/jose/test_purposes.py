"""No JWT can pass for one of another kind: each, good in itself and well signed, is held against every purpose."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.errors import ForbiddenClaim, JwtError, WrongSubject
from fapikit.flow import run_pure
from fapikit.jose import purposes, third_party_purposes
from fapikit.jose.claims import Expected
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import Purpose
from fapikit.jose.sign import sign_jwt
from fapikit.jose.verify import verify_jwt
from tests.clocks import NOW
from tests.keys import a_key, header_of, mint

N = int(NOW)
ME, OTHER = "https://me.example", "https://other.example"
LIFE = {"iat": N, "exp": N + 60}
COMMON = {"iss": OTHER, "aud": ME, **LIFE}
GOOD: dict[str, dict[str, Any]] = {
    "ACCESS_TOKEN": {**COMMON, "sub": "alice", "client_id": "app", "jti": "1", "scope": "a"},
    "ID_TOKEN": {**COMMON, "sub": "alice", "nonce": "n", "at_hash": "h"},
    "JARM_RESPONSE": {**COMMON, "code": "c", "state": "s"},
    "REQUEST_OBJECT": {**COMMON, "client_id": OTHER, "response_type": "code", "nbf": N},
    "AUTHENTICATION_REQUEST": {**COMMON, "jti": "1", "nbf": N, "scope": "openid", "login_hint": "alice"},
    "LOGIN_HINT_TOKEN": {**COMMON, "sub_id": {"format": "opaque", "id": "alice"}},
    "REGISTRATION_REQUEST": {**COMMON, "jti": "1", "software_id": OTHER, "redirect_uris": [OTHER]},
    "CLIENT_ASSERTION": {**COMMON, "sub": OTHER, "jti": "1"},
    "GRANT_ASSERTION": {**COMMON, "sub": "alice", "jti": "1"},
    "DPOP_PROOF": {**COMMON, "jti": "1", "htm": "GET", "htu": ME},
    "INTROSPECTION_RESPONSE": {"iss": OTHER, "aud": ME, "iat": N, "token_introspection": {"active": True}},
    "LOGOUT_TOKEN": {
        **COMMON, "sub": "alice", "jti": "1", "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    },
    "USERINFO_RESPONSE": {"iss": OTHER, "aud": ME, "sub": "alice", "name": "Alice"},
    "CLAIMS_OF_SOURCE": {"iss": OTHER, "sub": "user-7", "credit_score": 650},
    "PROVIDED_CLAIMS": {
        "iss": OTHER, "iat": N, "sub": "user-7",
        "verified_claims": {"verification": {"trust_framework": "eidas"}, "claims": {"name": "Alice"}},
    },
    "SIGNED_METADATA": {"iss": OTHER, "resource": ME},
    "SOFTWARE_STATEMENT": {"iss": OTHER, "iat": N, "software_id": "4fd1", "redirect_uris": [ME]},
    "SIGNED_BODY": {"iss": OTHER, "aud": ME, "iat": N, "jti": "1", "data": {"amount": "1.00"}},
    "SECURITY_EVENT_TOKEN": {
        "iss": OTHER, "aud": ME, "iat": N, "jti": "1", "sub_id": {"format": "opaque", "id": "alice"},
        "events": {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}},
    },
    "STATUS_LIST": {**COMMON, "sub": ME, "status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}},
}  # fmt: skip
KINDS = {**vars(third_party_purposes), **vars(purposes)}
PURPOSES: dict[str, Purpose] = {name: KINDS[name] for name in GOOD}
# Kinds without a registered type and without claims that only they carry. What a signed UserInfo answer or signed
# metadata says may be said by an ID token too, so who reads them asks the endpoint itself and compares `sub`. A
# software statement is read with the keys of a directory, which must say the members that the settings require. What a
# source says of a user is read with its own keys, and may be a UserInfo answer: whoever reads it compares `aud`.
TELL_LITTLE = {"USERINFO_RESPONSE", "SIGNED_METADATA", "SOFTWARE_STATEMENT", "CLAIMS_OF_SOURCE"}
HAVE_NO_AUDIENCE = {"signed metadata", "software statement", "JWT of a claims source", "provided claims"}
# Both say who a user is. Only `aud` tells them apart: an ID token is for a client, an assertion for a server.
SAY_THE_SAME = {("GRANT_ASSERTION", "ID_TOKEN")}


def token_of(name: str) -> str:
    purpose = PURPOSES[name]
    return mint(GOOD[name], a_key(), typ=purpose.typ)


def verify(token: str, purpose: Purpose) -> None:
    audience = () if purpose.name in HAVE_NO_AUDIENCE else (ME,)
    expected = Expected(issuer=OTHER, audience=audience, now=NOW)
    keys = KeySet([a_key().public_key])
    run_pure(verify_jwt(token, purpose, keys=keys, algorithms=("ES256",), expected=expected))


def test_every_purpose_is_among_those_held_against_each_other() -> None:
    found = {name for name, value in KINDS.items() if isinstance(value, Purpose)}
    assert found == set(GOOD)


@pytest.mark.parametrize("name", GOOD)
def test_each_is_good_for_its_own_purpose(name: str) -> None:
    verify(token_of(name), PURPOSES[name])
    verify(run_pure(sign_jwt(GOOD[name], PURPOSES[name], a_key())), PURPOSES[name])


@pytest.mark.spec(
    "RFC 9101 4",
    "RFC 9701 5",
    "rfc7523bis 4",
    "RFC 8725 3.12",
    "RFC 8725 3.11",
    "RFC 9701 8.1",
    "FAPI2-SP 5.4.1-1.1",
)
@pytest.mark.parametrize(
    "name, purpose",
    [
        (name, purpose)
        for name in GOOD
        for purpose in GOOD
        if name != purpose and purpose not in TELL_LITTLE and (name, purpose) not in SAY_THE_SAME
    ],
)
def test_none_passes_for_another(name: str, purpose: str) -> None:
    with pytest.raises(JwtError):
        verify(token_of(name), PURPOSES[purpose])


@pytest.mark.parametrize("purpose", sorted(TELL_LITTLE))
def test_what_tells_little_still_refuses_every_typed_jwt(purpose: str) -> None:
    for name, other in PURPOSES.items():
        if other.typ not in (None, "JWT"):  # the type of a signed body is the one of every JWT
            with pytest.raises(JwtError):
                verify(token_of(name), PURPOSES[purpose])


@pytest.mark.parametrize(
    "name", [name for name in GOOD if PURPOSES[name].typ is None or not PURPOSES[name].typ_required]
)
def test_without_their_types_their_claims_tell_them_apart(name: str) -> None:
    """An old server sends no `typ`, or `JWT`: then the claims must do."""
    token = mint(GOOD[name], a_key(), typ="JWT")
    for other, purpose in PURPOSES.items():
        if other != name and other not in TELL_LITTLE and (name, other) not in SAY_THE_SAME:
            with pytest.raises(JwtError):
                verify(token, purpose)


@pytest.mark.spec("RFC 7523 3-2")
def test_a_client_speaks_of_itself_and_nobody_else_does() -> None:
    with pytest.raises(WrongSubject) as refused:
        verify(mint({**GOOD["CLIENT_ASSERTION"], "sub": "other"}, a_key()), PURPOSES["CLIENT_ASSERTION"])
    assert (refused.value.clause, refused.value.code) == ("RFC 7523 3-2", "invalid_client")
    for name in ("ID_TOKEN", "ACCESS_TOKEN", "USERINFO_RESPONSE"):
        token = mint({**GOOD[name], "sub": OTHER}, a_key(), typ=PURPOSES[name].typ)
        with pytest.raises(ForbiddenClaim):
            verify(token, PURPOSES[name])


HEADERS = {"DPOP_PROOF": ["typ", "alg", "jwk"]}  # and of every other: typ if one is registered, alg, kid


@pytest.mark.spec("RFC 9449 4.2")
@pytest.mark.parametrize("name", PURPOSES)
@pytest.mark.parametrize("alg", ["ES256", "PS256", "Ed25519"])
def test_each_kind_that_we_make_has_the_header_of_its_purpose(name: str, alg: str) -> None:
    key, purpose = a_key(alg), PURPOSES[name]
    header = header_of(run_pure(sign_jwt(GOOD[name], purpose, key)))
    usual = (["typ"] if purpose.typ else []) + ["alg", "kid"]
    assert list(header) == HEADERS.get(name, usual)
    assert header.get("typ") == purpose.typ
    assert header["alg"] == alg
    assert header.get("kid") == (None if name in HEADERS else key.kid)
    if "jwk" in header:  # the public key and nothing else: no kid, alg or use, and no private member
        assert set(header["jwk"]) == {
            "kty",
            *{"ES256": "crv x y", "PS256": "n e", "Ed25519": "crv x"}[alg].split(),
        }


def test_a_signer_without_a_kid_names_none() -> None:
    class Kms:
        alg, kid, local, public_jwk = "ES256", "", True, a_key().public_jwk
        sign = a_key().sign

    assert "kid" not in header_of(run_pure(sign_jwt(GOOD["JARM_RESPONSE"], PURPOSES["JARM_RESPONSE"], Kms())))
