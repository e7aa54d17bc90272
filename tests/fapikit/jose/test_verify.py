"""Verifying a JWT: one that holds, and for each rule the one change that breaks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from fapikit.errors import (
    BadSignature,
    DuplicateMember,
    Expired,
    ForbiddenAlgorithm,
    ForbiddenClaim,
    JwtError,
    JwtTooLarge,
    KeyNotFound,
    MalformedClaim,
    MalformedJwt,
    MissingClaim,
    NotYetValid,
    TooOld,
    UnknownCritical,
    UnusableKey,
    WrongAudience,
    WrongIssuer,
    WrongJwtType,
)
from fapikit.jose.claims import Expected, check_claims
from fapikit.jose.key_set import KeySet
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.purposes import ACCESS_TOKEN, CLIENT_ASSERTION, ID_TOKEN, USERINFO_RESPONSE
from fapikit.jose.verify import VerifiedJwt, verify_jwt
from tests.clocks import NOW
from tests.hands import Hand
from tests.keys import a_key, b64, jws_of, mint, signature_of

AS, API = "https://as.example", "https://api.example"
KEY = a_key("ES256")
KEYS = KeySet([KEY.public_key, a_key("PS256").public_key, a_key("Ed25519").public_key])
EXPECTED = Expected(issuer=AS, audience=(API,), now=NOW, max_age=3600)
N = int(NOW)
GOOD: dict[str, Any] = {
    "iss": AS,
    "sub": "alice",
    "aud": API,
    "client_id": "app",
    "iat": N - 10,
    "nbf": N - 10,
    "exp": N + 300,
    "jti": "one",
}
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": KEY.kid}


def verify(
    token: str, *, keys: KeySet = KEYS, algorithms: tuple[str, ...] = ("ES256", "PS256", "Ed25519"), **kw: Any
) -> VerifiedJwt:
    purpose = kw.get("purpose", ACCESS_TOKEN)
    flow = verify_jwt(token, purpose, keys=keys, algorithms=algorithms, expected=kw.get("expected", EXPECTED))
    return Hand().run(flow)


def token_of(claims: dict[str, Any] | None = None, **header: Any) -> str:
    return mint({**GOOD, **(claims or {})}, KEY, typ="at+jwt", header=header)


def without(name: str) -> str:
    return mint({k: v for k, v in GOOD.items() if k != name}, KEY, typ="at+jwt")


def raw(header: bytes | None = None, payload: bytes | None = None) -> str:
    """Signed, whatever it says."""
    head = json.dumps(HEADER).encode() if header is None else header
    body = json.dumps(GOOD).encode() if payload is None else payload
    return jws_of(head, body, lambda octets: signature_of(KEY, "ES256", octets))


def parts() -> list[str]:
    return token_of().split(".")


def with_signature(signature: bytes) -> str:
    head, body, _ = parts()
    return f"{head}.{body}.{b64(signature)}"


@pytest.mark.parametrize("alg", ["ES256", "PS256", "Ed25519"])
def test_a_good_token_is_verified(alg: str) -> None:
    verified = verify(mint(GOOD, a_key(alg), typ="at+jwt"))
    assert verified.claims == GOOD
    assert verified.key.kid == a_key(alg).kid


@pytest.mark.spec("RFC 9864 2.2")
def test_ed25519_goes_by_either_of_its_names() -> None:
    key = a_key("Ed25519")
    token = mint(GOOD, key, typ="at+jwt", alg="EdDSA")
    assert verify(token, algorithms=("EdDSA",)).claims["sub"] == "alice"
    with pytest.raises(ForbiddenAlgorithm):
        verify(token, algorithms=("Ed25519",))


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
@pytest.mark.spec("RFC 9068 4-1")
def test_typ_is_compared_without_case_and_prefix(typ: str) -> None:
    assert verify(mint(GOOD, KEY, typ=typ)).claims["sub"] == "alice"


def _big_header() -> str:
    return raw(json.dumps({**HEADER, "x": "y" * 4097}).encode())


def _flipped() -> str:
    head, body, tail = parts()
    return f"{head}.{body}.{'A' if tail[0] != 'A' else 'B'}{tail[1:]}"


def _payload_of_another() -> str:
    head, _, tail = parts()
    return f"{head}.{token_of({'sub': 'mallory'}).split('.')[1]}.{tail}"


MALFORMED: dict[str, tuple[Callable[[], str], type[JwtError]]] = {
    "empty": (lambda: "", MalformedJwt),
    "two parts": (lambda: ".".join(parts()[:2]), MalformedJwt),
    "four parts": (lambda: token_of() + ".x", MalformedJwt),
    "five parts": (lambda: token_of() + ".x.y", MalformedJwt),
    "many dots": (lambda: "." * 10_000, MalformedJwt),
    "too long": (lambda: token_of() + "A" * ACCESS_TOKEN.max_octets, JwtTooLarge),
    "header too long": (_big_header, JwtTooLarge),
    "not ASCII": (lambda: token_of() + "é", MalformedJwt),
    "fullwidth digit": (lambda: token_of() + "１", MalformedJwt),
    "white space": (lambda: token_of() + "\n", MalformedJwt),
    "padding": (lambda: f"{parts()[0]}==.{parts()[1]}.{parts()[2]}", MalformedJwt),
    "standard base64": (lambda: f"{parts()[0]}.{parts()[1]}.{'+/' + parts()[2][2:]}", MalformedJwt),
    "loose last bits": (lambda: f"{parts()[0]}.{parts()[1]}.{parts()[2][:-1]}B", MalformedJwt),
    "empty header": (lambda: f".{parts()[1]}.{parts()[2]}", MalformedJwt),
    "empty payload": (lambda: f"{parts()[0]}..{parts()[2]}", MalformedJwt),
    "header no JSON": (lambda: raw(b"{alg:ES256}"), MalformedJwt),
    "header a list": (lambda: raw(b"[]"), MalformedJwt),
    "header UTF-16": (lambda: raw(json.dumps(HEADER).encode("utf-16")), MalformedJwt),
    "header with BOM": (lambda: raw(b"\xef\xbb\xbf" + json.dumps(HEADER).encode()), MalformedJwt),
    "trailing JSON": (lambda: raw(json.dumps(HEADER).encode() + b"{}"), MalformedJwt),
    "header member twice": (
        lambda: raw(b'{"alg":"none","alg":"ES256","typ":"at+jwt"}'),
        DuplicateMember,
    ),
    "payload member twice": (lambda: raw(None, b'{"iss":"https://as.example","iss":"x"}'), DuplicateMember),
    "member twice, deep": (lambda: raw(None, b'{"cnf":{"jkt":"a","jkt":"b"}}'), DuplicateMember),
    "payload a string": (lambda: raw(None, b'"hello"'), MalformedJwt),
    "payload not UTF-8": (lambda: raw(None, b'{"iss":"\xff"}'), MalformedJwt),
    "NaN": (lambda: raw(None, b'{"exp":NaN}'), MalformedJwt),
    "Infinity": (lambda: raw(None, b'{"exp":-Infinity}'), MalformedJwt),
    "huge float": (lambda: raw(None, b'{"exp":1e999}'), MalformedJwt),
    "huge integer": (lambda: raw(None, b'{"exp":' + b"9" * 400 + b"}"), MalformedJwt),
    "very huge integer": (lambda: raw(None, b'{"exp":' + b"9" * 5000 + b"}"), MalformedJwt),
    "deep": (lambda: raw(None, b'{"a":' + b"[" * 40 + b"]" * 40 + b"}"), MalformedJwt),
    "very deep": (lambda: raw(None, b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"), MalformedJwt),
    "lone surrogate": (lambda: raw(None, rb'{"iss":"\ud800"}'), MalformedJwt),
    "lone surrogate in a name": (lambda: raw(None, rb'{"\udfff":1}'), MalformedJwt),
}


@pytest.mark.spec("RFC 7519 7.2", "RFC 7515 5.2", "RFC 7515 4")
@pytest.mark.parametrize("name", MALFORMED)
def test_refuses_what_is_no_strict_jws(name: str) -> None:
    make, error = MALFORMED[name]
    with pytest.raises(MalformedJwt) as refused:
        verify(make())
    assert type(refused.value) is error
    assert refused.value.code == "invalid_token"


def test_size_is_judged_before_anything_is_decoded() -> None:
    with pytest.raises(JwtTooLarge):
        verify("é" * (ACCESS_TOKEN.max_octets + 1))


HEADERS: dict[str, tuple[Callable[[], str], type[JwtError], str]] = {
    "no typ": (lambda: token_of(typ=None), WrongJwtType, "RFC 9068 4-1"),
    "typ JWT": (lambda: token_of(typ="JWT"), WrongJwtType, "RFC 9068 4-1"),
    "typ of a proof": (lambda: token_of(typ="dpop+jwt"), WrongJwtType, "RFC 9068 4-1"),
    "typ is a number": (lambda: token_of(typ=7), WrongJwtType, "RFC 9068 4-1"),
    "typ is a list": (lambda: token_of(typ=["at+jwt"]), WrongJwtType, "RFC 9068 4-1"),
    "typ with a Kelvin sign": (lambda: token_of(typ="at+jwt\u212a"), WrongJwtType, "RFC 9068 4-1"),
    "alg none": (lambda: token_of(alg="none"), ForbiddenAlgorithm, "RFC 8725 3.1"),
    "alg None": (lambda: token_of(alg="None"), ForbiddenAlgorithm, "RFC 8725 3.1"),
    "alg es256": (lambda: token_of(alg="es256"), ForbiddenAlgorithm, "RFC 8725 3.1"),
    "alg HS256": (lambda: token_of(alg="HS256"), ForbiddenAlgorithm, "RFC 8725 3.1"),
    "alg RS256": (lambda: token_of(alg="RS256"), ForbiddenAlgorithm, "RFC 8725 3.1"),
    "alg absent": (lambda: raw(b'{"typ":"at+jwt"}'), ForbiddenAlgorithm, "RFC 8725 3.1"),
    "alg a list": (lambda: token_of(alg=["ES256"]), ForbiddenAlgorithm, "RFC 8725 3.1"),
    "crit": (lambda: token_of(crit=["exp"], exp=1), UnknownCritical, "RFC 7515 4.1.11"),
    "empty crit": (lambda: token_of(crit=[]), UnknownCritical, "RFC 7515 4.1.11"),
    "b64": (lambda: token_of(b64=False), UnknownCritical, "RFC 7515 4.1.11"),
    "zip": (lambda: token_of(zip="DEF"), UnknownCritical, "RFC 7515 4.1.11"),
    "kid a number": (lambda: token_of(kid=1), MalformedJwt, "RFC 7515 5.2"),
    "kid a list": (lambda: token_of(kid=[KEY.kid]), MalformedJwt, "RFC 7515 5.2"),
    "kid very long": (lambda: token_of(kid="k" * 600), MalformedJwt, "RFC 7515 5.2"),
    "kid unknown": (lambda: token_of(kid="other"), KeyNotFound, "RFC 7515 6"),
    "kid of another kind": (lambda: token_of(kid=a_key("PS256").kid), KeyNotFound, "RFC 7515 6"),
    "kid a path": (lambda: token_of(kid="../../etc/passwd"), KeyNotFound, "RFC 7515 6"),
}


@pytest.mark.spec(
    "RFC 7515 6", "RFC 7515 4.1.11", "RFC 8725 3.1", "RFC 9068 4-5", "FAPI2-SP 5.4.1-1.3", "FAPI1-ADV 8.6-3"
)
@pytest.mark.parametrize("name", HEADERS)
def test_refuses_a_header(name: str) -> None:
    make, error, clause = HEADERS[name]
    with pytest.raises(error) as refused:
        verify(make())
    assert (type(refused.value), refused.value.clause) == (error, clause)
    assert refused.value.code == "invalid_token"


SIGNATURES: dict[str, Callable[[], str]] = {
    "none": lambda: with_signature(b""),
    "one bit flipped": _flipped,
    "payload of another": _payload_of_another,
    "all zero (CVE-2022-21449)": lambda: with_signature(bytes(64)),
    "s zero": lambda: with_signature(b"\x01" * 32 + bytes(32)),
    "r beyond the order": lambda: with_signature(b"\xff" * 64),
    "DER": lambda: with_signature(KEY._material.sign(b"x", ec.ECDSA(hashes.SHA256()))),
    "long": lambda: with_signature(bytes(65)),
    "by another key": lambda: mint(GOOD, a_key("ES256", 1), typ="at+jwt", header={"kid": KEY.kid}),
}


@pytest.mark.spec("RFC 7515 5.2")
@pytest.mark.parametrize("name", SIGNATURES)
def test_refuses_a_signature(name: str) -> None:
    with pytest.raises(BadSignature) as refused:
        verify(SIGNATURES[name]())
    assert (refused.value.code, refused.value.clause) == ("invalid_token", "RFC 9068 4-5")


CLAIMS: dict[str, tuple[Callable[[], str], type[JwtError], str, str]] = {
    **{
        f"no {name}": (lambda name=name: without(name), MissingClaim, ACCESS_TOKEN.clauses[name], name)
        for name in ACCESS_TOKEN.required
    },
    "iss null": (lambda: token_of({"iss": None}), MissingClaim, "RFC 9068 4-3", "iss"),
    "iss with slash": (lambda: token_of({"iss": AS + "/"}), WrongIssuer, "RFC 9068 4-3", "iss"),
    "iss cut (CVE-2024-53861)": (lambda: token_of({"iss": AS[:-1]}), WrongIssuer, "RFC 9068 4-3", "iss"),
    "iss a list": (lambda: token_of({"iss": [AS]}), WrongIssuer, "RFC 9068 4-3", "iss"),
    "sub a number": (lambda: token_of({"sub": 1}), MalformedClaim, "RFC 9068 2.2", "sub"),
    "jti a list": (lambda: token_of({"jti": ["one"]}), MalformedClaim, "RFC 9068 2.2", "jti"),
    "aud of another": (lambda: token_of({"aud": "https://b.example"}), WrongAudience, "RFC 9068 4-4", "aud"),
    "aud a prefix": (lambda: token_of({"aud": API + "/x"}), WrongAudience, "RFC 9068 4-4", "aud"),
    "aud empty": (lambda: token_of({"aud": []}), MalformedClaim, "RFC 9068 4-4", "aud"),
    "aud mixed": (lambda: token_of({"aud": [API, 1]}), MalformedClaim, "RFC 9068 4-4", "aud"),
    "aud an object": (lambda: token_of({"aud": {API: 1}}), MalformedClaim, "RFC 9068 4-4", "aud"),
    "exp past": (lambda: token_of({"exp": N - 30}), Expired, "RFC 9068 4-6", "exp"),
    "exp a word": (lambda: token_of({"exp": str(N + 300)}), MalformedClaim, "RFC 9068 4-6", "exp"),
    "exp true": (lambda: token_of({"exp": True}), MalformedClaim, "RFC 9068 4-6", "exp"),
    "nbf ahead": (lambda: token_of({"nbf": N + 31}), NotYetValid, "FAPI2-SP 5.3.2.1-13", "nbf"),
    "exp empty": (lambda: token_of({"exp": ""}), MalformedClaim, "RFC 9068 4-6", "exp"),
    "iat empty": (lambda: token_of({"iat": ""}), MalformedClaim, "RFC 9068 2.2", "iat"),
    "nbf a blank": (lambda: token_of({"nbf": " "}), MalformedClaim, "", "nbf"),
    "nonce null": (lambda: token_of({"nonce": None}), ForbiddenClaim, "RFC 8725 3.12", "nonce"),
    "iat ahead": (lambda: token_of({"iat": N + 31}), NotYetValid, "FAPI2-SP 5.3.2.1-13", "iat"),
    "iat long ago": (lambda: token_of({"iat": N - 3631}), TooOld, "RFC 9068 2.2", "iat"),
    "nonce of an ID token": (lambda: token_of({"nonce": "n"}), ForbiddenClaim, "RFC 8725 3.12", "nonce"),
    "at_hash": (lambda: token_of({"at_hash": "h"}), ForbiddenClaim, "RFC 8725 3.12", "at_hash"),
    "events": (lambda: token_of({"events": {}}), ForbiddenClaim, "RFC 8725 3.12", "events"),
}


@pytest.mark.spec(
    "RFC 7519 4.1",
    "RFC 7519 4.1.4",
    "RFC 8725 3.8",
    "RFC 8725 3.9",
    "RFC 9068 4-3",
    "RFC 9068 4-4",
    "RFC 9068 4-6",
    "RFC 9068 2.2",
    "FAPI2-SP 5.3.2.1-13",
)
@pytest.mark.parametrize("name", CLAIMS)
def test_refuses_a_claim(name: str) -> None:
    make, error, clause, claim = CLAIMS[name]
    with pytest.raises(error) as refused:
        verify(make())
    value: Any = refused.value
    assert (type(value), value.clause) == (error, clause)
    assert value.facts.get("claim", claim) == claim
    assert value.code == "invalid_token"


@pytest.mark.parametrize("nothing", [None, ""], ids=["null", "empty"])
def test_an_optional_time_without_a_value_is_absent(nothing: str | None) -> None:
    assert verify(token_of({"nbf": nothing})).claims["sub"] == "alice"


@pytest.mark.spec("FAPI2-SP 5.3.2.1-13")
@pytest.mark.parametrize("ahead", [0, 10, 30])
def test_a_clock_a_little_ahead_is_borne(ahead: int) -> None:
    assert verify(token_of({"iat": N + ahead, "nbf": N + ahead})).claims["iat"] == N + ahead


def test_the_edges_of_a_life() -> None:
    exact = replace(EXPECTED, skew=0)
    verify(token_of({"exp": N + 1}), expected=exact)
    with pytest.raises(Expired):
        verify(token_of({"exp": N}), expected=exact)
    verify(token_of({"exp": N + 0.5, "iat": N - 0.5}), expected=exact)


def test_no_one_may_bear_more_than_a_minute() -> None:
    with pytest.raises(ValueError):
        replace(EXPECTED, skew=61)


def test_several_audiences_pass_unless_the_audience_must_be_alone() -> None:
    token = token_of({"aud": ["https://b.example", API]})
    assert verify(token).claims["sub"] == "alice"
    with pytest.raises(WrongAudience, match="too"):
        verify(token, expected=replace(EXPECTED, sole_audience=True))


def test_a_key_that_names_another_algorithm_is_not_used() -> None:
    jwk = {**a_key("PS256").public_jwk, "alg": "PS256"}
    token = mint(GOOD, a_key("PS256"), typ="at+jwt", alg="RS256")
    with pytest.raises(KeyNotFound):
        verify(token, keys=KeySet([import_public_jwk(jwk)]), algorithms=("RS256", "PS256"))


def test_check_signature_carries_the_purposes_code() -> None:
    from fapikit.jose.parse import parse_jws
    from fapikit.jose.verify import check_signature

    jws = parse_jws(token_of(), ACCESS_TOKEN, ("ES256",))
    with pytest.raises(UnusableKey) as refused:
        check_signature(jws, a_key("PS256").public_key, ACCESS_TOKEN)
    assert (refused.value.code, refused.value.clause) == ("invalid_token", "RFC 8725 3.1")


@pytest.mark.spec("RFC 8725 3.10")
def test_keys_that_the_header_offers_are_never_read() -> None:
    """CVE-2018-0114, CVE-2026-27962: a token that brings or points to its own key."""
    mine = a_key("ES256", 1)
    offers = {
        "jwk": mine.public_jwk,
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example",
        "x5c": ["AA=="],
    }
    with pytest.raises(KeyNotFound):
        verify(mint(GOOD, mine, typ="at+jwt", header=offers))
    with pytest.raises(BadSignature):
        verify(mint(GOOD, mine, typ="at+jwt", header={**offers, "kid": KEY.kid}))
    assert verify(token_of(None, **offers)).claims["sub"] == "alice"


def test_no_key_is_looked_for_before_type_algorithm_and_issuer_pass() -> None:
    class Untouchable:
        def find(self, *_: object) -> Any:
            raise AssertionError("asked for a key")

    for token in (token_of(typ="JWT"), token_of(alg="none"), token_of({"iss": "https://evil.example"})):
        with pytest.raises(JwtError):
            verify(token, keys=Untouchable())  # type: ignore[arg-type]


def test_a_purpose_without_registered_type_takes_jwt_or_none_only() -> None:
    claims = {"iss": AS, "sub": "alice", "aud": "app", "iat": N, "exp": N + 60}
    expected = Expected(issuer=AS, audience=("app",), now=NOW)
    for typ in (None, "JWT", "jwt"):
        assert (
            verify(mint(claims, KEY, typ=typ), purpose=ID_TOKEN, expected=expected).claims["sub"] == "alice"
        )
    for typ in ("at+jwt", "dpop+jwt", "logout+jwt", "token-introspection+jwt", ""):
        with pytest.raises(WrongJwtType):
            verify(mint(claims, KEY, typ=typ), purpose=ID_TOKEN, expected=expected)


@pytest.mark.spec("rfc7523bis 4c")
def test_an_assertion_may_lack_its_type() -> None:
    claims = {"iss": "app", "sub": "app", "aud": AS, "exp": N + 60, "jti": "1"}
    expected = Expected(issuer="app", audience=(AS,), now=NOW)
    for typ in (None, "JWT", "client-authentication+jwt"):
        assert (
            verify(mint(claims, KEY, typ=typ), purpose=CLIENT_ASSERTION, expected=expected).claims == claims
        )
    with pytest.raises(WrongJwtType) as refused:
        verify(mint(claims, KEY, typ="at+jwt"), purpose=CLIENT_ASSERTION, expected=expected)
    assert (refused.value.code, refused.value.clause) == ("invalid_client", "rfc7523bis 4b")


def test_no_error_shows_the_token() -> None:
    tables = [*MALFORMED.values(), *HEADERS.values(), *CLAIMS.values()]
    for make, *_ in tables:
        token = make()
        with pytest.raises(JwtError) as refused:
            verify(token)
        tail = token.rsplit(".", 1)[-1]
        shown = f"{refused.value} {dict(refused.value.facts)} {refused.value!r}"
        assert len(tail) < 20 or tail not in shown
    assert "alice" not in repr(verify(token_of()))


def test_an_audience_that_is_asked_for_must_be_there() -> None:
    """Also where the purpose itself requires none."""
    token = mint({"sub": "alice"}, KEY)
    assert verify(token, purpose=USERINFO_RESPONSE, expected=Expected(issuer=None, audience=(), now=NOW))
    with pytest.raises(MissingClaim) as refused:
        verify(token, purpose=USERINFO_RESPONSE, expected=Expected(issuer=None, audience=("app",), now=NOW))
    assert refused.value.clause == "OIDC 5.3.2"


def test_claims_that_came_by_another_way_than_json_are_judged_alike() -> None:
    for value in (float("inf"), float("nan"), True, "1"):
        with pytest.raises(MalformedClaim):
            check_claims({**GOOD, "exp": value}, ACCESS_TOKEN, EXPECTED)


def test_an_age_is_judged_where_there_is_one() -> None:
    expected = Expected(issuer=None, audience=(), now=NOW, max_age=60)
    check_claims({"sub": "alice"}, USERINFO_RESPONSE, expected)
    with pytest.raises(TooOld):
        check_claims({"sub": "alice", "iat": N - 91}, USERINFO_RESPONSE, expected)
