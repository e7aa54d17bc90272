"""Signed bodies of Brazil: one good JWT, single changes of it, and independent libraries at both ends."""

from __future__ import annotations

import json
import uuid
from typing import Any

import jwt as pyjwt
import pytest
from jwcrypto import jwk
from jwcrypto import jwt as their_jwt

from fapikit.errors import (
    BadSignature,
    ConfigurationError,
    DuplicateMember,
    FapiError,
    ForbiddenAlgorithm,
    ForbiddenClaim,
    KeyNotFound,
    MalformedClaim,
    MalformedJwt,
    MissingClaim,
    NotYetValid,
    TooOld,
    UnknownCritical,
    WrongAudience,
    WrongIssuer,
    WrongJwtType,
)
from fapikit.flow import run_pure
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import SIGNED_BODY
from fapikit.secrets import Concealed
from fapikit.signed_messages.jwt_body import VerifiedBody, sign_body, verify_body
from fapikit.signed_messages.settings import PS256
from tests.clocks import NOW, CountingRandom
from tests.keys import a_key, b64, claims_of, header_of, jws_of, mint, signature_of

KEY = a_key("PS256", 1)
ORGANISATION, URL = "b86d54b3-7e5f-4a33-8eb9-e3f4dd7a6a11", "https://api.example/payments"
JTI = "6e2d9a72-1f43-4b8d-9e47-0a3c5e1f7b90"


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good body; a change to None removes one."""
    found: dict[str, Any] = {
        "aud": URL, "iss": ORGANISATION, "iat": int(NOW), "jti": JTI, "data": {"payment": {"amount": "1.00"}},
    }  # fmt: skip
    return {name: value for name, value in {**found, **changes}.items() if value is not None}


def verify(jwt: str, **changes: Any) -> VerifiedBody:
    given: dict[str, Any] = {"issuer": ORGANISATION, "audiences": (URL,), "now": NOW, "algorithms": PS256}
    return run_pure(
        verify_body(Concealed(jwt.encode()), keys=KeySet([KEY.public_key]), **{**given, **changes})
    )


@pytest.mark.spec("BR-JWT 1", "BR-JWT 2", "BR-JWT 3", "BR-JWT 4", "BR-JWT 5", "BR-JWT 6")
@pytest.mark.parametrize("changes", [{}, {"iat": int(NOW) - 60}, {"iat": int(NOW) + 60}, {"aud": [URL]}])
def test_a_good_body_is_its_members_without_the_claims_about_the_message(changes: dict[str, Any]) -> None:
    jwt = mint(claims(**changes), KEY, typ="JWT")
    found = verify(jwt)
    assert json.loads(found.payload) == {"data": {"payment": {"amount": "1.00"}}}
    assert (found.jti, found.jwt, found.key.kid) == (JTI, jwt, KEY.kid)


MUTATIONS: list[tuple[str, dict[str, Any], dict[str, Any], type[FapiError], str, str]] = [
    ("no aud", {"aud": None}, {}, MissingClaim, "BR-JWT 3", "aud"),
    ("another endpoint", {"aud": "https://api.example/consents"}, {}, WrongAudience, "BR-JWT 3", "aud"),
    ("two endpoints", {"aud": [URL, "https://other.example/payments"]}, {}, WrongAudience, "BR-JWT 3", "aud"),
    ("aud is an object", {"aud": {"url": URL}}, {}, MalformedClaim, "BR-JWT 3", "aud"),
    ("no iss", {"iss": None}, {}, MissingClaim, "BR-JWT 4", "iss"),
    ("another organisation", {"iss": "other"}, {}, WrongIssuer, "BR-JWT 4", "iss"),
    ("no iat", {"iat": None}, {}, MissingClaim, "BR-JWT 5", "iat"),
    ("iat is text", {"iat": "1"}, {}, MalformedClaim, "BR-JWT 5", "iat"),
    ("61 seconds ago", {"iat": int(NOW) - 61}, {}, TooOld, "BR-JWT 5", "iat"),
    ("61 seconds ahead", {"iat": int(NOW) + 61}, {}, NotYetValid, "", "iat"),
    ("no jti", {"jti": None}, {}, MissingClaim, "BR-JWT 6", "jti"),
    ("jti is a number", {"jti": 7}, {}, MalformedClaim, "BR-JWT 6", "jti"),
    ("jti is no UUID", {"jti": "7"}, {}, MalformedClaim, "BR-JWT 6", "jti"),
    ("jti of version 1", {"jti": str(uuid.uuid1())}, {}, MalformedClaim, "BR-JWT 6", "jti"),
    ("jti as a URN", {"jti": f"urn:uuid:{JTI}"}, {}, MalformedClaim, "BR-JWT 6", "jti"),
    ("a client assertion", {"sub": ORGANISATION}, {}, ForbiddenClaim, "RFC 8725 3.12", "sub"),
    ("a request object", {"client_id": "fintech"}, {}, ForbiddenClaim, "RFC 8725 3.12", "client_id"),
    ("a proof", {"htu": URL}, {}, ForbiddenClaim, "RFC 8725 3.12", "htu"),
    ("no typ", {}, {"typ": None}, WrongJwtType, "BR-JWT 2", "typ"),
    ("another typ", {}, {"typ": "at+jwt"}, WrongJwtType, "BR-JWT 2", "typ"),
    ("alg none", {}, {"alg": "none"}, ForbiddenAlgorithm, "BR-JWT 2", "algorithm"),
    ("alg RS256", {}, {"alg": "RS256"}, ForbiddenAlgorithm, "BR-JWT 2", "algorithm"),
    ("no kid", {}, {"kid": None}, MissingClaim, "BR-JWT 2", "kid"),
    ("unknown kid", {}, {"kid": "x"}, KeyNotFound, "RFC 7515 6", "x"),
    ("crit", {}, {"crit": ["exp"]}, UnknownCritical, "RFC 7515 4.1.11", "crit"),
    ("b64 false", {}, {"b64": False}, UnknownCritical, "RFC 7515 4.1.11", "b64"),
]  # fmt: skip


@pytest.mark.spec("BR-JWT 2", "BR-JWT 3", "BR-JWT 4", "BR-JWT 5", "BR-JWT 6", "RFC 8725 3.12")
@pytest.mark.parametrize(
    "changes, header, error, clause, told", [row[1:] for row in MUTATIONS], ids=[row[0] for row in MUTATIONS]
)
def test_one_change_is_refused_and_named(
    changes: dict[str, Any], header: dict[str, Any], error: type[FapiError], clause: str, told: str
) -> None:
    with pytest.raises(error) as refused:
        verify(mint(claims(**changes), KEY, header={"typ": "JWT", **header}))
    assert type(refused.value) is error
    assert refused.value.clause == (clause or type(refused.value).clause)
    assert told in refused.value.message


GOOD = mint(claims(), KEY, typ="JWT")
HEAD, PAYLOAD, TAIL = GOOD.split(".")
TWICE = json.dumps(claims()).encode()[:-1] + b', "data": {}}'


@pytest.mark.parametrize(
    "jwt, error",
    [
        (json.dumps(claims()), MalformedJwt),
        ("", MalformedJwt),
        ("é" + GOOD, MalformedJwt),
        (f"{HEAD}..{TAIL}", MalformedJwt),
        (f"{HEAD}.{b64(b'[]')}.{TAIL}", MalformedJwt),
        (f"{HEAD}.{b64(json.dumps(claims(data={})).encode())}.{TAIL}", BadSignature),
        (mint(claims(), a_key("PS256", 2), header={"typ": "JWT", "kid": KEY.kid}), BadSignature),
        (jws_of(json.dumps(header_of(GOOD)).encode(), TWICE, lambda s: signature_of(KEY, "PS256", s)), DuplicateMember),
    ],
    ids=["json", "empty", "not-ascii", "detached", "list", "other-payload", "other-key", "member-twice"],
)  # fmt: skip
def test_another_shape_is_refused(jwt: str, error: type[FapiError]) -> None:
    with pytest.raises(error) as refused:
        verify(jwt)
    assert type(refused.value) is error


def test_without_an_address_of_its_own_a_server_accepts_nothing() -> None:
    with pytest.raises(WrongAudience):
        verify(GOOD, audiences=())


def ours(body: bytes = b'{"data": {"amount": "1.00"}}') -> str:
    return run_pure(
        sign_body(
            Concealed(body),
            KEY,
            issuer=ORGANISATION,
            audience=URL,
            now=NOW + 0.9,
            random_bytes=CountingRandom(),
        )
    )


def test_what_we_sign_verifies() -> None:
    jwt = ours()
    assert json.loads(verify(jwt).payload) == {"data": {"amount": "1.00"}}
    assert header_of(jwt) == {"typ": "JWT", "alg": "PS256", "kid": KEY.kid}
    assert set(claims_of(jwt)) == {"aud", "iss", "iat", "jti", "data"}
    assert uuid.UUID(claims_of(jwt)["jti"]).version == 4


@pytest.mark.parametrize("name", ["aud", "iss", "iat", "jti", "exp", "nbf", *sorted(SIGNED_BODY.forbidden)])
def test_a_body_cannot_speak_as_a_claim(name: str) -> None:
    """A member of an application's answer would become a claim of a JWT that the bank signs."""
    with pytest.raises(ConfigurationError) as refused:
        ours(json.dumps({name: "x"}).encode())
    assert refused.value.facts["member"] == name


@pytest.mark.parametrize("body", [b"[]", b"1", b"hello", b'{"a": 1, "a": 2}', b"\xff"])
def test_only_an_object_can_be_signed(body: bytes) -> None:
    with pytest.raises(ConfigurationError, match="JSON object"):
        ours(body)


def test_pyjwt_and_jwcrypto_verify_ours() -> None:
    options: Any = {"verify_iat": False, "verify_exp": False}
    found = pyjwt.decode(
        ours(), pyjwt.PyJWK(dict(KEY.public_jwk)), ["PS256"], options, audience=URL, issuer=ORGANISATION
    )
    assert found["data"] == {"amount": "1.00"}
    theirs = their_jwt.JWT(check_claims={"aud": URL, "iss": ORGANISATION}, algs=["PS256"])
    theirs.deserialize(ours(), jwk.JWK(**KEY.public_jwk))
    assert json.loads(theirs.claims)["data"] == {"amount": "1.00"}


def test_we_verify_what_they_sign() -> None:
    header = {"kid": KEY.kid}
    verify(pyjwt.encode(claims(), KEY.to_pem(), "PS256", header))
    theirs = their_jwt.JWT(header={"alg": "PS256", "typ": "JWT", **header}, claims=claims())
    theirs.make_signed_token(jwk.JWK.from_pem(KEY.to_pem()))
    verify(theirs.serialize())
