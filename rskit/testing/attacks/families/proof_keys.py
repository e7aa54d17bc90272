"""DPoP proofs that prove nothing: of another key, of no key, or of a key to which another token is bound.

Spec: RFC 9449 4.3-5, -6, -7, -12; RFC 8725 3.4 (RS-11)
Role: RS
"""

from __future__ import annotations

import json
from typing import Any, Final

from rskit.testing.attacks.attack import Attack
from rskit.testing.attacks.declared import Family, Row, needs_jwts, needs_proofs, proof, proofs_written
from rskit.testing.attacks.forger import Forger
from rskit.testing.attacks.jws import SignOctets, encode, keyed, nothing, segment, sha256, zeros
from rskit.testing.attacks.key_spellings import SPELLINGS

_SECRET: Final = {"alg": "HS256", "jwk": {"kty": "oct", "k": "c2VjcmV0"}}


def _own(forger: Forger) -> SignOctets:
    return forger.own.sign


def _own_jwk(forger: Forger) -> dict[str, str]:
    return forger.own.jwk


def _as_own(**header: Any) -> dict[str, Any]:
    return {"jwk": _own_jwk, "alg": lambda forger: forger.own.alg, **header}


def _by_the_issuer(forger: Forger, token: str) -> list[str]:
    """The proof's header has the issuer's key, but the client wrote the header."""
    header = {"jwk": forger.issuer.jwk, "alg": forger.issuer.alg}
    return [forger.proof(token, header, sign=forger.issuer.sign)]


def _stripped(forger: Forger, token: str) -> list[str]:
    return [forger.proof(token).rpartition(".")[0]]


def _altered(forger: Forger, token: str) -> list[str]:
    header, _, signature = forger.proof(token).split(".")
    claims = {"jti": "x", "htm": forger.method, "htu": forger.url, "iat": forger.now(), "ath": sha256(token)}
    return [f"{header}.{segment(claims)}.{signature}"]


def _not_on_the_curve(_: Forger) -> dict[str, str]:
    return {"kty": "EC", "crv": "P-256", "x": encode(b"\1" * 32), "y": encode(b"\2" * 32)}


def _hmac_over_its_jwk(forger: Forger) -> SignOctets:
    spell = dict(SPELLINGS)["JWK"]
    return keyed(spell(forger.client) or b"")


def _hmac_over_its_pem(forger: Forger) -> SignOctets:
    return keyed(SPELLINGS[0][1](forger.client) or b"")


KEYS: Final = Family(
    "proofs without the token's key",
    means="A stolen token is used without its key.",
    clause="RFC 9449 4.3-7",
    remedy="Verify the proof with its jwk, by an asymmetric algorithm, and compare the thumbprint with jkt.",
    rows=(
        Row(
            "a proof of another key",
            "a proof that the attacker made with his own key",
            proof(_as_own(), sign=_own),
            clause="RFC 9449 4.3-12",
        ),
        Row(
            "a proof signed by another key",
            "a proof with the client's jwk, signed by the attacker",
            proof(sign=_own),
        ),
        Row(
            "a proof of the issuer's key",
            "a proof with the jwk and the signature of the issuer",
            proofs_written(_by_the_issuer),
            clause="RFC 9449 4.3-12",
        ),
        Row("a proof without a signature", "a proof whose signature is empty", proof(sign=lambda _: nothing)),
        Row("a proof whose signature is left out", "a proof of two parts", proofs_written(_stripped)),
        Row(
            "a proof whose signature is zero",
            "a proof whose signature is all zeros",
            proof(sign=lambda forger: zeros(forger.client)),
            clause="RFC 8725 3.4",
        ),
        Row(
            "a proof altered after signing",
            "a proof whose claims were changed after it was signed",
            proofs_written(_altered),
        ),
        Row(
            "a proof with alg none",
            "a proof with alg none and no signature",
            proof({"alg": "none"}, sign=lambda _: nothing),
            clause="RFC 9449 4.3-5",
        ),
        Row(
            "a proof without alg",
            "a proof without alg and without a signature",
            proof({"alg": None}, sign=lambda _: nothing),
            clause="RFC 9449 4.3-5",
        ),
        Row(
            "a proof with a shared secret",
            "a proof with alg HS256 whose jwk is the secret",
            proof(_SECRET, sign=lambda _: keyed(b"secret")),
            clause="RFC 9449 4.3-5",
        ),
        Row(
            "a proof with alg HS256 over its jwk",
            "a proof with alg HS256, keyed with its own jwk",
            proof({"alg": "HS256"}, sign=_hmac_over_its_jwk),
            clause="RFC 9449 4.3-5",
        ),
        Row(
            "a proof with alg HS256 over its key as PEM",
            "a proof with alg HS256, keyed with its public key as PEM",
            proof({"alg": "HS256"}, sign=_hmac_over_its_pem),
            clause="RFC 9449 4.3-5",
        ),
        Row("a proof without a key", "a proof without jwk", proof({"jwk": None})),
        Row(
            "a proof that names its key",
            "a proof with kid instead of jwk, signed by the attacker",
            proof({"jwk": None, "kid": lambda forger: forger.client.thumbprint}, sign=_own),
        ),
        Row(
            "a proof whose jwk is text",
            "a proof whose jwk is the text of a key",
            proof({"jwk": lambda forger: json.dumps(forger.client.jwk)}),
        ),
        Row(
            "a proof of a point that is on no curve",
            "a proof whose jwk is no point of P-256",
            proof({"alg": "ES256", "jwk": _not_on_the_curve}),
            clause="RFC 8725 3.4",
        ),
        Row(
            "a proof that shows its private key",
            "a proof whose jwk has the member d",
            proof({"jwk": lambda forger: {**forger.client.jwk, "d": "AA"}}),
        ),
        Row(
            "a proof with an extension that is critical",
            'a proof with crit ["x"]',
            proof({"crit": ["x"], "x": 1}),
            clause="RFC 7515 4.1.11",
        ),
    ),
    needs=needs_proofs,
)


def _another_key_for_another(forger: Forger) -> Attack:
    """The thief uses his own key, but the victim's token. The proof is valid, but for another token."""
    stolen = forger.token()
    sent = forger.proof(stolen, {"jwk": forger.own.jwk, "alg": forger.own.alg}, sign=forger.own.sign)
    mine = forger.jwt(claims={"cnf": {"jkt": forger.own.thumbprint}})
    honest = forger.proof(mine, {"jwk": forger.own.jwk, "alg": forger.own.alg}, sign=forger.own.sign)
    return forger.attack(forger.headers(mine, honest), forger.headers(stolen, sent))


SWAPPED: Final = Family(
    "keys that are bound to other tokens",
    means="A thief whose own token has just passed uses a stolen one.",
    clause="RFC 9449 4.3-12",
    remedy="Compare the proof's key with the jkt of this request's token, whatever is cached of either.",
    rows=(
        Row(
            "a proof of a key that is bound to another token",
            "a good request of the attacker with a token of his own, then a stolen token with a proof of his key",
            _another_key_for_another,
        ),
    ),
    needs=lambda forger: needs_proofs(forger) or needs_jwts(forger),
)

FAMILIES: Final = (KEYS, SWAPPED)
