"""Checking a DPoP proof: one that holds, each single change with its own refusal, and replay through the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from fapikit import MemoryStore
from fapikit.dpop import (
    CheckedProof,
    NonceIssuer,
    ProofKeys,
    access_token_hash,
    check_proof,
    make_proof,
    remember_proof,
)
from fapikit.errors import (
    BadSignature,
    DPoPError,
    DuplicateMember,
    FapiError,
    ForbiddenAlgorithm,
    JwtError,
    JwtTooLarge,
    MalformedClaim,
    MalformedJwt,
    ManyProofs,
    MissingClaim,
    MissingProof,
    NonceRequired,
    Remedy,
    ReplayedProof,
    StaleProof,
    StoreFull,
    UnusableKey,
    WrongJwtType,
    WrongMethod,
    WrongProofKey,
    WrongTokenHash,
    WrongUrl,
)
from fapikit.flow import run_pure
from tests.clocks import NOW, FrozenClock
from tests.hands import Hand
from tests.keys import a_key, b64, hmac_of, jws_of, mint

URL = "https://api.example/accounts"
TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
KEY = a_key("ES256")
BARE = {k: v for k, v in KEY.public_jwk.items() if k in ("kty", "crv", "x", "y")}
N = int(NOW)
ATH = b64(hashlib.sha256(TOKEN.encode()).digest())
GOOD: dict[str, Any] = {"jti": "one", "htm": "GET", "htu": URL, "iat": N, "ath": ATH}
NONCES = NonceIssuer((b"n" * 32,))


DROP = object()


def proof(
    claims: dict[str, Any] | None = None, *, key: Any = KEY, typ: Any = "dpop+jwt", **header: Any
) -> str:
    merged = {k: v for k, v in {**GOOD, **(claims or {})}.items() if v is not DROP}
    return mint(merged, key, typ=typ, header={"kid": None, "jwk": BARE, **header})


def check(*proofs: str, **changes: Any) -> CheckedProof:
    settings: dict[str, Any] = {
        "method": "GET",
        "urls": {URL},
        "now": NOW,
        "algorithms": ("ES256", "PS256", "Ed25519", "EdDSA"),
        "access_token": TOKEN,
        "bound_to": KEY.thumbprint,
    }
    return check_proof(list(proofs), **{**settings, **changes})


@pytest.mark.parametrize("alg", ["ES256", "PS256", "Ed25519"])
def test_a_good_proof_holds(alg: str) -> None:
    key = a_key(alg)
    jwk = {k: v for k, v in key.public_jwk.items() if k not in ("kid", "use", "alg")}
    made = check(proof(key=key, jwk=jwk), bound_to=key.thumbprint)
    assert made == CheckedProof(key.thumbprint, "one", NOW + 60)


@pytest.mark.spec("RFC 9449 4.2")
def test_what_is_made_here_holds() -> None:
    for nonce in (None, NONCES.issue(NOW)):
        token = run_pure(
            make_proof(
                KEY,
                method="GET",
                url=URL + "?page=2#x",
                now=NOW + 0.9,
                jti="j",
                access_token=TOKEN,
                nonce=nonce,
            )
        )
        assert check(token, nonces=NONCES if nonce else None).jti == "j"


def test_a_proof_at_the_token_endpoint_needs_no_ath() -> None:
    assert check(proof({"ath": DROP}), access_token=None, bound_to=None).jkt == KEY.thumbprint


REFUSED: dict[str, tuple[Callable[[], list[str]], type[FapiError], str]] = {
    "none": (list, MissingProof, "RFC 9449 4.3-1"),
    "two": (lambda: [proof(), proof({"jti": "two"})], ManyProofs, "RFC 9449 4.3-1"),
    "two in one field": (lambda: [f"{proof()},{proof()}"], ManyProofs, "RFC 9449 4.3-1"),
    "empty": (lambda: [""], MalformedJwt, "RFC 7515 5.2"),
    "no JWT": (lambda: ["hello"], MalformedJwt, "RFC 7515 5.2"),
    "too long": (lambda: [proof(x="y" * 9000)], JwtTooLarge, "RFC 7515 5.2"),
    "member twice": (
        lambda: [jws_of(b'{"typ":"dpop+jwt","typ":"dpop+jwt"}', b"{}", lambda _: b"x")],
        DuplicateMember,
        "RFC 7515 4",
    ),
    "no typ": (lambda: [proof(typ=None)], WrongJwtType, "RFC 9449 4.3-4"),
    "typ JWT": (lambda: [proof(typ="JWT")], WrongJwtType, "RFC 9449 4.3-4"),
    "typ at+jwt": (lambda: [proof(typ="at+jwt")], WrongJwtType, "RFC 9449 4.3-4"),
    "alg none": (lambda: [_none()], ForbiddenAlgorithm, "RFC 9449 4.3-5"),
    "alg HS256": (lambda: [_hmac()], ForbiddenAlgorithm, "RFC 9449 4.3-5"),
    "alg outside the list": (lambda: [_es384()], ForbiddenAlgorithm, "RFC 9449 4.3-5"),
    "no jwk": (lambda: [proof(jwk=None)], MalformedJwt, "RFC 7515 5.2"),
    "jwk a list": (lambda: [proof(jwk=[BARE])], MalformedJwt, "RFC 7515 5.2"),
    "jwk private": (lambda: [proof(jwk=KEY.to_private_jwk())], UnusableKey, "RFC 7517 9.2"),
    "jwk symmetric": (lambda: [proof(jwk={"kty": "oct", "k": "AA"})], UnusableKey, "RFC 7517 9.2"),
    "jwk off its curve": (lambda: [proof(jwk={**BARE, "y": BARE["x"]})], UnusableKey, "RFC 8725 3.4"),
    "jwk for another alg": (lambda: [proof(jwk={**BARE, "alg": "ES384"})], UnusableKey, "RFC 8725 3.1"),
    "jwk of Ed25519 for another alg": (lambda: [_eddsa(alg="ES256")], UnusableKey, "RFC 8725 3.1"),
    "jwk for no alg": (lambda: [_eddsa(alg=["EdDSA"])], UnusableKey, "RFC 8725 3.1"),
    "jwk of another kind": (lambda: [proof(jwk=_rsa())], UnusableKey, "RFC 8725 3.1"),
    "jwk of another key": (lambda: [proof(key=a_key("ES256", 1))], BadSignature, "RFC 9449 4.3-6"),
    "signature cut": (lambda: [proof()[:-2]], BadSignature, "RFC 9449 4.3-6"),
    "no jti": (lambda: [proof({"jti": DROP})], MissingClaim, "RFC 9449 4.3-3"),
    "jti empty": (lambda: [proof({"jti": ""})], MalformedClaim, "RFC 9449 4.3-3"),
    "jti long": (lambda: [proof({"jti": "j" * 257})], MalformedClaim, "RFC 9449 4.3-3"),
    "jti a number": (lambda: [proof({"jti": 1})], MalformedClaim, "RFC 9449 4.3-3"),
    "no htm": (lambda: [proof({"htm": DROP})], MissingClaim, "RFC 9449 4.3-3"),
    "htm other": (lambda: [proof({"htm": "POST"})], WrongMethod, "RFC 9449 4.3-8"),
    "htm in small": (lambda: [proof({"htm": "get"})], WrongMethod, "RFC 9449 4.3-8"),
    "htm a list": (lambda: [proof({"htm": ["GET"]})], MalformedClaim, "RFC 9449 4.3-3"),
    "no htu": (lambda: [proof({"htu": DROP})], MissingClaim, "RFC 9449 4.3-3"),
    "htu other host": (lambda: [proof({"htu": "https://evil.example/accounts"})], WrongUrl, "RFC 9449 4.3-9"),
    "htu other path": (lambda: [proof({"htu": URL + "/1"})], WrongUrl, "RFC 9449 4.3-9"),
    "htu other case": (lambda: [proof({"htu": "https://api.example/Accounts"})], WrongUrl, "RFC 9449 4.3-9"),
    "htu clear text": (lambda: [proof({"htu": URL.replace("https", "http")})], WrongUrl, "RFC 9449 4.3-9"),
    "htu with user": (
        lambda: [proof({"htu": "https://api.example@evil.example/accounts"})],
        WrongUrl,
        "RFC 9449 4.3-9",
    ),
    "htu no URL": (lambda: [proof({"htu": "accounts"})], WrongUrl, "RFC 9449 4.3-9"),
    "no iat": (lambda: [proof({"iat": DROP})], MissingClaim, "RFC 9449 4.3-3"),
    "iat null": (lambda: [proof({"iat": None})], MissingClaim, "RFC 9449 4.3-3"),
    "iat a word": (lambda: [proof({"iat": str(N)})], MalformedClaim, "RFC 9449 4.3-3"),
    "iat true": (lambda: [proof({"iat": True})], MalformedClaim, "RFC 9449 4.3-3"),
    "iat old": (lambda: [proof({"iat": N - 61})], StaleProof, "RFC 9449 4.3-11"),
    "iat ahead": (lambda: [proof({"iat": N + 31})], StaleProof, "RFC 9449 4.3-11"),
    "nbf ahead": (lambda: [proof({"nbf": N + 31})], StaleProof, "RFC 9449 4.3-11"),
    "exp past": (lambda: [proof({"exp": N - 31})], StaleProof, "RFC 9449 4.3-11"),
    "no ath": (lambda: [proof({"ath": DROP})], MissingClaim, "RFC 9449 4.3-3"),
    "ath of another token": (
        lambda: [proof({"ath": access_token_hash("other")})],
        WrongTokenHash,
        "RFC 9449 4.3-12",
    ),
    "ath padded": (lambda: [proof({"ath": ATH + "="})], WrongTokenHash, "RFC 9449 4.3-12"),
    "ath not ASCII": (lambda: [proof({"ath": "é"})], WrongTokenHash, "RFC 9449 4.3-12"),
    "bound to another key": (lambda: [_by_another()], WrongProofKey, "RFC 9449 4.3-12"),
    "crit": (lambda: [proof(crit=["x"])], FapiError, "RFC 7515 4.1.11"),
}


def _none() -> str:
    head = {"typ": "dpop+jwt", "alg": "none", "jwk": BARE}
    return jws_of(json.dumps(head).encode(), json.dumps(GOOD).encode(), lambda _: b"")


def _hmac() -> str:
    head = {"typ": "dpop+jwt", "alg": "HS256", "jwk": BARE}
    secret = json.dumps(BARE).encode()
    return jws_of(
        json.dumps(head).encode(), json.dumps(GOOD).encode(), lambda octets: hmac_of(secret, octets)
    )


def _es384() -> str:
    key = a_key("ES384")
    return mint(
        GOOD, key, typ="dpop+jwt", header={"jwk": {k: v for k, v in key.public_jwk.items() if k in BARE}}
    )


def _eddsa(**members: Any) -> str:
    key = a_key("EdDSA")
    jwk = {name: value for name, value in key.public_jwk.items() if name in BARE}
    return proof(key=key, jwk={**jwk, **members})


def _rsa() -> dict[str, Any]:
    return {k: v for k, v in a_key("PS256").public_jwk.items() if k in ("kty", "n", "e")}


def _by_another() -> str:
    key = a_key("ES256", 1)
    return proof(key=key, jwk={k: v for k, v in key.public_jwk.items() if k in BARE})


@pytest.mark.spec("RFC 9449 4.3",
    "RFC 9449 4.3-1", "RFC 9449 4.3-3", "RFC 9449 4.3-4", "RFC 9449 4.3-5", "RFC 9449 4.3-6", "RFC 9449 4.3-7",
    "RFC 9449 4.3-8", "RFC 9449 4.3-9", "RFC 9449 4.3-11", "RFC 9449 4.3-12",
)  # fmt: skip
@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    make, error, clause = REFUSED[name]
    proofs = make()
    with pytest.raises(error) as refused:
        check(*proofs)
    value: Any = refused.value
    assert type(value) is error or error is FapiError
    assert (value.clause, value.code) == (clause, "invalid_dpop_proof")
    shown = f"{value} {dict(value.facts)}"
    assert not any(len(text) > 20 and text[-20:] in shown for text in proofs)


@pytest.mark.spec("FAPI2-SP 5.3.2.1-13", "RFC 9449 11.1a")
@pytest.mark.parametrize("iat", [N - 60, N, N + 10, N + 30, N + 0.5])
def test_the_window_of_iat(iat: float) -> None:
    assert check(proof({"iat": iat})).usable_until == iat + 60


@pytest.mark.parametrize(
    "htu",
    [
        URL,
        URL + "?q=1",
        URL + "#f",
        "HTTPS://API.Example/accounts",
        "https://api.example:443/accounts",
        "https://api.example/%61ccounts",
    ],
)
def test_htu_is_compared_normalised_without_query_and_fragment(htu: str) -> None:
    assert check(proof({"htu": htu})).jti == "one"


@pytest.mark.spec("RFC 9449 4.3-10", "RFC 9449 8", "RFC 9449 9", "RFC 9449 11.3")
@pytest.mark.parametrize(
    "nonce",
    [
        DROP,
        None,
        5,
        "",
        "other",
        NonceIssuer((b"o" * 32,)).issue(NOW),
        NONCES.issue(NOW - 400),
        NONCES.issue(NOW + 60),
    ],
)
def test_a_missing_wrong_or_old_nonce_is_answered_with_a_fresh_one(nonce: Any) -> None:
    with pytest.raises(NonceRequired) as refused:
        check(proof({"nonce": nonce}), nonces=NONCES)
    assert refused.value.nonce == NONCES.issue(NOW)
    assert (refused.value.code, refused.value.remedy) == ("use_dpop_nonce", Remedy.CORRECT_THE_REQUEST)


def test_nonce_trouble_is_told_only_for_a_proof_that_is_good_otherwise() -> None:
    with pytest.raises(WrongMethod):
        check(proof({"htm": "PUT"}), nonces=NONCES)


@pytest.mark.spec("RFC 9449 11.1b")
def test_a_proof_is_used_once_in_its_window() -> None:
    clock = FrozenClock()
    store, hand = MemoryStore(clock=clock), Hand()
    checked = check(proof())
    hand.run(remember_proof(store, checked, now=clock()))
    clock.advance(60)
    with pytest.raises(ReplayedProof) as refused:
        hand.run(remember_proof(store, check(proof(), now=clock()), now=clock()))
    assert refused.value.clause == "RFC 9449 11.1"


def test_a_mark_outlives_its_proof_and_no_longer_than_needed() -> None:
    clock = FrozenClock()
    store, hand = MemoryStore(clock=clock), Hand()
    hand.run(remember_proof(store, CheckedProof("k", "j", NOW + 60), now=NOW))
    clock.advance(64)
    with pytest.raises(ReplayedProof):
        hand.run(remember_proof(store, CheckedProof("k", "j", NOW + 60), now=clock()))
    clock.advance(10)
    hand.run(remember_proof(store, CheckedProof("k", "j", NOW + 60), now=clock()))


def test_marks_are_kept_by_key_jti_and_scope() -> None:
    store, hand = MemoryStore(clock=FrozenClock()), Hand()
    for jkt, jti, scope in (("k", "j", ""), ("l", "j", ""), ("k", "i", ""), ("k", "j", "other")):
        hand.run(remember_proof(store, CheckedProof(jkt, jti, NOW + 60), now=NOW, scope=scope))
    assert len(store) == 4


def test_a_full_store_refuses_the_proof() -> None:
    store, hand = MemoryStore(max_entries=1, clock=FrozenClock()), Hand()
    hand.run(remember_proof(store, CheckedProof("k", "1", NOW + 60), now=NOW))
    with pytest.raises(StoreFull):
        hand.run(remember_proof(store, CheckedProof("k", "2", NOW + 60), now=NOW))


def test_a_key_is_remembered_of_a_proof_that_passed_alone() -> None:
    known = ProofKeys()
    good = proof()
    segment = good.partition(".")[0]
    forged = good[:-8] + ("A" * 8 if good[-8:] != "A" * 8 else "B" * 8)
    for bad in (forged, proof({"htm": "PUT"})):
        with pytest.raises((DPoPError, JwtError)):
            check(bad, known=known)
        assert known.find(segment) is None
    check(good, known=known)
    found = known.find(segment)
    assert found is not None
    assert found.thumbprint == KEY.thumbprint
    with pytest.raises(BadSignature):
        check(forged, known=known)


@pytest.mark.parametrize("claims", [{"nbf": N + 30}, {"exp": N - 30}, {"nbf": N, "exp": N}])
def test_a_proof_may_say_from_when_or_until_when_it_is_meant(claims: dict[str, Any]) -> None:
    assert check(proof(claims)).usable_until == N + 60


def test_a_jti_may_be_as_long_as_it_may_be() -> None:
    assert check(proof({"jti": "j" * 256})).jti == "j" * 256


def test_use_and_operations_of_an_embedded_key_do_not_matter() -> None:
    """RFC 9449 demands a public key in the header; what else its owner wrote into the JWK is not ours to judge."""
    assert check(proof(jwk={**BARE, "use": "sig", "key_ops": ["sign"], "kid": "x"})).jkt == KEY.thumbprint


def test_every_dpop_error_has_a_code_for_the_wire() -> None:
    for error in DPoPError.__subclasses__():
        assert error.code in {"invalid_dpop_proof", "use_dpop_nonce"}
        assert error.clause.startswith("RFC 9449")


def test_a_proof_may_carry_nbf_and_exp_that_hold() -> None:
    assert check(proof({"nbf": N + 30, "exp": N - 30})).jti == "one"
    assert check(proof({"nbf": N - 5, "exp": N + 5})).jti == "one"
