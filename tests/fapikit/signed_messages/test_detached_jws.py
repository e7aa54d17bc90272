"""The `x-jws-signature`: one good field in each form, single changes of it, and an independent library at both ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jwcrypto import jwk, jws

from fapikit.errors import (
    BadSignature,
    DuplicateMember,
    FapiError,
    ForbiddenAlgorithm,
    ForbiddenClaim,
    JwtTooLarge,
    KeyNotFound,
    MalformedClaim,
    MalformedJwt,
    MissingClaim,
    MissingSignature,
    NotYetValid,
    TooOld,
    UnknownCritical,
    UntrustedAnchor,
    WrongIssuer,
    WrongJwtType,
)
from fapikit.flow import run_pure
from fapikit.jose.claims import Expected
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import Purpose
from fapikit.jose.verify import verify_jwt
from fapikit.secrets import Concealed
from fapikit.signed_messages.detached_jws import (
    FORMS,
    ExpectedSigner,
    PayloadForm,
    VerifiedSignature,
    sign_detached,
    verify_detached,
)
from fapikit.signed_messages.settings import PS256
from tests.clocks import NOW
from tests.detached import BODY, FINTECH, FINTECH_KEY, IAT, ISS, TAN, UNENCODED, header_members, signed_field
from tests.keys import a_key, b64

ANCHOR = "openbanking.org.uk"
BARE = Purpose(name="JWT", typ="jose")
"""The least that a kind of JWT can ask for, and the type is right."""


def verify(*values: str, body: bytes = BODY, **changes: Any) -> VerifiedSignature:
    expected: dict[str, Any] = {
        "issuers": (FINTECH,), "anchors": (ANCHOR,), "now": NOW, "skew": 10.0, "max_age": 300.0,
    }  # fmt: skip
    algorithms = changes.pop("algorithms", PS256)
    return run_pure(
        verify_detached(
            values,
            Concealed(body),
            keys=KeySet([FINTECH_KEY.public_key]),
            algorithms=algorithms,
            expected=ExpectedSigner(**{**expected, **changes}),
        )
    )


@pytest.mark.spec("UK-JWS 1", "UK-JWS 2", "UK-JWS 3", "UK-JWS 4", "RFC 7797 3")
@pytest.mark.parametrize(
    "form", [{}, UNENCODED, {"typ": None}, {"cty": None}, {"typ": "jose"}, {IAT: int(NOW) + 9}]
)
def test_a_good_field_verifies(form: dict[str, Any]) -> None:
    found = verify(signed_field(header_members(**form)))
    assert found.header[ISS] == FINTECH
    assert found.key.kid == FINTECH_KEY.kid


MUTATIONS: list[tuple[str, dict[str, Any], type[FapiError], str, str]] = [
    ("alg none", {"alg": "none"}, ForbiddenAlgorithm, "UK-JWS 1", "not allowed"),
    ("alg RS256", {"alg": "RS256"}, ForbiddenAlgorithm, "UK-JWS 1", "not allowed"),
    ("alg of a MAC", {"alg": "HS256"}, ForbiddenAlgorithm, "UK-JWS 1", "not allowed"),
    ("no kid", {"kid": None}, MissingClaim, "UK-JWS 2", "no kid"),
    ("kid of nobody", {"kid": "other"}, KeyNotFound, "RFC 7515 6", "other"),
    ("kid is a number", {"kid": 7}, MalformedJwt, "RFC 7515 5.2", "kid"),
    ("typ JWT", {"typ": "JWT"}, WrongJwtType, "UK-JWS 2", "JOSE"),
    ("typ is a list", {"typ": ["JOSE"]}, WrongJwtType, "UK-JWS 2", "JOSE"),
    ("cty is a number", {"cty": 1}, MalformedClaim, "", "cty"),
    ("no iat", {IAT: None}, MissingClaim, "UK-JWS 5", f"no {IAT}"),
    ("no iss", {ISS: None}, MissingClaim, "UK-JWS 5", f"no {ISS}"),
    ("no tan", {TAN: None}, MissingClaim, "UK-JWS 5", f"no {TAN}"),
    ("no crit", {"crit": None}, MissingClaim, "UK-JWS 2", "no crit"),
    ("empty crit", {"crit": []}, MissingClaim, "UK-JWS 2", "no crit"),
    ("crit lacks iat", {"crit": [ISS, TAN]}, UnknownCritical, "UK-JWS 2", "exactly"),
    ("crit has one twice", {"crit": [IAT, ISS, TAN, TAN]}, UnknownCritical, "UK-JWS 2", "exactly"),
    ("crit has a further one", {"crit": [IAT, ISS, TAN, "exp"]}, UnknownCritical, "UK-JWS 2", "exactly"),
    ("crit is text", {"crit": IAT}, MalformedClaim, "UK-JWS 2", "list of names"),
    ("crit has a number", {"crit": [IAT, ISS, 3]}, MalformedClaim, "UK-JWS 2", "list of names"),
    ("b64 outside of crit", {"b64": False}, UnknownCritical, "UK-JWS 2", "b64"),
    ("crit has b64 alone", {"crit": [IAT, ISS, TAN, "b64"]}, UnknownCritical, "UK-JWS 2", "exactly"),
    ("b64 true", {**UNENCODED, "b64": True}, MalformedClaim, "UK-JWS 3", "b64"),
    ("b64 is 0", {**UNENCODED, "b64": 0}, MalformedClaim, "UK-JWS 3", "b64"),
    ("b64 is text", {**UNENCODED, "b64": "false"}, MalformedClaim, "UK-JWS 3", "b64"),
    ("iat is text", {IAT: str(int(NOW))}, MalformedClaim, "UK-JWS 5", IAT),
    ("iat is true", {IAT: True}, MalformedClaim, "UK-JWS 5", IAT),
    ("iat in the future", {IAT: int(NOW) + 12}, NotYetValid, "UK-JWS 5", "future"),
    ("iat long ago", {IAT: int(NOW) - 320}, TooOld, "UK-JWS 5", "ago"),
    ("iss of another", {ISS: "0015800001041RHAAY/other"}, WrongIssuer, "UK-JWS 5", "party"),
    ("iss is a list", {ISS: [FINTECH]}, MalformedClaim, "UK-JWS 5", ISS),
    ("tan of another", {TAN: "evil.example"}, UntrustedAnchor, "UK-JWS 5", "anchor"),
    ("tan is a list", {TAN: [ANCHOR]}, MalformedClaim, "UK-JWS 5", TAN),
    ("a key in the header", {"jwk": {"kty": "RSA"}}, ForbiddenClaim, "UK-JWS 5", "jwk"),
    ("a URL of keys", {"jku": "https://evil.example"}, ForbiddenClaim, "UK-JWS 5", "jku"),
    ("a certificate", {"x5c": ["MII"]}, ForbiddenClaim, "UK-JWS 5", "x5c"),
    ("compression", {"zip": "DEF"}, ForbiddenClaim, "UK-JWS 5", "zip"),
]  # fmt: skip


@pytest.mark.spec("UK-JWS 2", "UK-JWS 5", "RFC 7797 6")
@pytest.mark.parametrize(
    "changes, error, clause, told", [row[1:] for row in MUTATIONS], ids=[row[0] for row in MUTATIONS]
)
def test_one_change_of_the_header_is_refused_and_named(
    changes: dict[str, Any], error: type[FapiError], clause: str, told: str
) -> None:
    with pytest.raises(error) as refused:
        verify(signed_field(header_members(**changes)))
    assert type(refused.value) is error
    assert refused.value.clause == clause
    assert told in str(refused.value)


HEAD, TAIL = signed_field().split("..")
TWICE = json.dumps(header_members()).encode()[:-1] + b',"alg":"PS256"}'
SHAPES: list[tuple[str, tuple[str, ...], type[FapiError]]] = [
    ("none", (), MissingSignature),
    ("two fields", (signed_field(), signed_field()), MalformedJwt),
    ("two in one field", (f"{signed_field()}, {signed_field()}",), MalformedJwt),
    ("empty", ("",), MalformedJwt),
    ("a whole JWS", (f"{HEAD}.{b64(BODY)}.{TAIL}",), MalformedJwt),
    ("two parts", (f"{HEAD}.{TAIL}",), MalformedJwt),
    ("four parts", (f"{HEAD}..{TAIL}.",), MalformedJwt),
    ("no header", (f"..{TAIL}",), MalformedJwt),
    ("no signature", (f"{HEAD}..",), BadSignature),
    ("padding", (f"{HEAD}..{TAIL}=",), MalformedJwt),
    ("signature cut", (f"{HEAD}..{TAIL[:-6]}",), BadSignature),
    ("header is no JSON", (signed_field(b"alg"),), MalformedJwt),
    ("header is a list", (signed_field(b"[]"),), MalformedJwt),
    ("a member twice", (signed_field(TWICE),), DuplicateMember),
    ("too long", (signed_field(header_members(cty="x" * 8000)),), JwtTooLarge),
]  # fmt: skip


@pytest.mark.spec("UK-JWS 1")
@pytest.mark.parametrize("values, error", [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES])
def test_a_field_of_another_shape_is_refused(values: tuple[str, ...], error: type[FapiError]) -> None:
    with pytest.raises(error) as refused:
        verify(*values)
    assert type(refused.value) is error


@pytest.mark.spec("UK-JWS 1", "UK-JWS 3", "UK-JWS 4")
@pytest.mark.parametrize(
    "field, body",
    [
        (signed_field(), BODY + b" "),
        (signed_field(), BODY.replace(b"165.88", b"965.88")),
        (signed_field(), json.dumps(json.loads(BODY), indent=1).encode()),
        (signed_field(), b64(BODY).encode()),
        (signed_field(header_members(**UNENCODED)), b64(BODY).encode()),
        (signed_field(b64=False), BODY),
        (signed_field(header_members(**UNENCODED), b64=True), BODY),
        (signed_field(key=a_key("PS256", 2)), BODY),
    ],
    ids=[
        "space",
        "amount",
        "layout",
        "base64",
        "base64-raw",
        "raw-as-encoded",
        "encoded-as-raw",
        "other-key",
    ],
)
def test_a_signature_of_other_octets_or_another_key_is_refused(field: str, body: bytes) -> None:
    with pytest.raises(BadSignature) as refused:
        verify(field, body=body)
    assert refused.value.clause == "UK-JWS 1"


@pytest.mark.parametrize("members, accepted", [({}, "unencoded"), (UNENCODED, "encoded")])
def test_a_form_that_is_not_accepted_is_refused(members: dict[str, Any], accepted: PayloadForm) -> None:
    with pytest.raises(MalformedClaim) as refused:
        verify(signed_field(header_members(**members)), forms=(accepted,))
    assert refused.value.clause == "UK-JWS 3"


def test_without_a_limit_an_old_signature_verifies() -> None:
    verify(signed_field(header_members(**{IAT: 1})), max_age=None)


def ours(form: PayloadForm, body: bytes = BODY) -> str:
    return run_pure(
        sign_detached(Concealed(body), FINTECH_KEY, issuer=FINTECH, anchor=ANCHOR, now=NOW + 0.7, form=form)
    )


@pytest.mark.parametrize("form", FORMS)
def test_what_we_sign_verifies(form: PayloadForm) -> None:
    header = verify(ours(form)).header
    assert header[IAT] == int(NOW)
    assert sorted(header["crit"]) == sorted([IAT, ISS, TAN, *(["b64"] if form == "unencoded" else [])])


REGISTRY = {name: jws.JWSEHeaderParameter(name, True, True, None) for name in (IAT, ISS, TAN)}


def their_jws() -> Any:
    found = jws.JWS(header_registry=REGISTRY)
    found.allowed_algs = ["PS256"]
    return found


@pytest.mark.parametrize("form", FORMS)
def test_jwcrypto_verifies_ours(form: PayloadForm) -> None:
    token = their_jws()
    token.deserialize(ours(form))
    token.verify(jwk.JWK(**FINTECH_KEY.public_jwk), detached_payload=BODY)
    assert token.is_valid
    with pytest.raises(jws.InvalidJWSSignature):
        token.verify(jwk.JWK(**FINTECH_KEY.public_jwk), detached_payload=BODY + b" ")


@pytest.mark.parametrize("members", [{}, UNENCODED])
def test_we_verify_what_jwcrypto_signs(members: dict[str, Any]) -> None:
    theirs = jws.JWS(BODY, header_registry=REGISTRY)
    key = jwk.JWK.from_pem(FINTECH_KEY.to_pem())
    theirs.add_signature(key, "PS256", protected=json.dumps(header_members(**members)))
    theirs.detach_payload()
    verify(theirs.serialize(compact=True))


@pytest.mark.spec("RFC 7515 4.1.11")
def test_with_its_body_put_back_it_is_no_jwt() -> None:
    claims = b'{"iss": "https://other.example", "aud": "https://me.example"}'
    jwt = signed_field(body=claims).replace("..", f".{b64(claims)}.")
    expected = Expected(issuer=None, audience=(), now=NOW)
    keys = KeySet([FINTECH_KEY.public_key])
    with pytest.raises(UnknownCritical):
        run_pure(verify_jwt(jwt, BARE, keys=keys, algorithms=PS256, expected=expected))
