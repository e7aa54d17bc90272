"""DPoP headers that are not exactly one proof, and proofs without ath or jti.

Spec: RFC 9449 4.3-1, -2, -3, -4, -12 (RS-11)
Role: RS
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any, Final

from rskit.testing.attacks.attack import TOO_LARGE, Attack
from rskit.testing.attacks.declared import Family, Maker, Row, needs_proofs, proof, proofs_written
from rskit.testing.attacks.forger import NULL, Forger
from rskit.testing.attacks.jws import sha256


def _two(forger: Forger, token: str) -> list[str]:
    return [forger.proof(token), forger.proof(token)]


def _good_and_bad(forger: Forger, token: str) -> list[str]:
    return [
        forger.proof(token),
        forger.proof(token, {"jwk": forger.own.jwk, "alg": forger.own.alg}, sign=forger.own.sign),
    ]


def _bad_and_good(forger: Forger, token: str) -> list[str]:
    return _good_and_bad(forger, token)[::-1]


SHAPES: Final = Family(
    "what is not one DPoP proof",
    means="Another JWT of the client, or one of two proofs, is accepted as the proof of this request.",
    clause="RFC 9449 4.3-4",
    remedy="Require exactly one DPoP header with one JWT of typ dpop+jwt.",
    rows=(
        Row("a proof of another type", 'a proof with typ "JWT"', proof({"typ": "JWT"})),
        Row("a proof without a type", "a proof without typ", proof({"typ": None})),
        Row("a proof called an access token", 'a proof with typ "at+jwt"', proof({"typ": "at+jwt"})),
        Row("two proofs", "two good proofs, in two headers", proofs_written(_two), clause="RFC 9449 4.3-1"),
        Row(
            "two proofs in one header",
            "two good proofs, with a comma between",
            proofs_written(lambda forger, token: [", ".join(_two(forger, token))]),
            clause="RFC 9449 4.3-1",
        ),
        Row(
            "two proofs, the forged one last",
            "a good proof, and one of another key",
            proofs_written(_good_and_bad),
            clause="RFC 9449 4.3-1",
        ),
        Row(
            "two proofs, the forged one first",
            "a proof of another key, and a good one",
            proofs_written(_bad_and_good),
            clause="RFC 9449 4.3-1",
        ),
        Row(
            "an empty proof",
            "a DPoP header with nothing in it",
            proofs_written(lambda _, __: [""]),
            clause="RFC 9449 4.3-2",
        ),
        Row(
            "the token as its proof",
            "the access token in the DPoP header",
            proofs_written(lambda _, token: [token]),
        ),
        Row(
            "letters instead of a proof",
            "32 letters in the DPoP header",
            proofs_written(lambda _, __: ["x" * 32]),
            clause="RFC 9449 4.3-2",
        ),
        Row(
            "a proof of 40,000 letters",
            "40,000 letters in the DPoP header",
            proofs_written(lambda _, __: ["x" * 40_000], tolerated=TOO_LARGE),
            clause="RFC 9449 4.3-2",
        ),
    ),
    needs=needs_proofs,
)


def _hash(change: Callable[[str], Any]) -> Maker:
    def make(forger: Forger) -> Attack:
        token = forger.token()
        return forger.attack(forger.headers(token, forger.proof(token, claims={"ath": change(token)})))

    return make


def _standard(token: str) -> str:
    return b64encode(hashlib.sha256(token.encode()).digest()).decode()


def _claim_rows() -> Iterator[Row]:
    for name, sends, change in (
        ("a proof for any token", "a proof without ath", lambda _: None),
        ("a proof for another token", "a proof whose ath is of another token", lambda _: sha256("another")),
        ("a proof for no token", "a proof whose ath is empty", lambda _: ""),
        ("a proof for a part of the hash", "a proof whose ath ends early", lambda token: sha256(token)[:21]),
        (
            "a proof for the hash in other letters",
            "a proof whose ath is in other letters",
            lambda token: sha256(token).swapcase(),
        ),
        ("a proof that holds the token itself", "a proof whose ath is the token", str),
        ("a proof for tokens in a list", "a proof whose ath is a list", lambda token: [sha256(token)]),
        ("a proof whose ath is null", "a proof whose ath is null", lambda _: NULL),
    ):
        yield Row(name, sends, _hash(change), clause="RFC 9449 4.3-12")
    for name, sends, value in (
        ("a proof without a name", "a proof without jti", None),
        ("a proof with an empty name", "a proof whose jti is empty", ""),
        ("a proof whose name is a number", "a proof whose jti is a number", 1),
        ("a proof whose name is null", "a proof whose jti is null", NULL),
    ):
        yield Row(name, sends, proof(claims={"jti": value}))


CLAIMS: Final = Family(
    "proofs for any token, and proofs without a name",
    means="One leaked proof works for other tokens of its key, or a replay of it cannot be detected.",
    clause="RFC 9449 4.3-3",
    remedy="Require jti, htm, htu, iat and ath, each of its type, and compare ath with the hash of this token.",
    rows=tuple(_claim_rows()),
    needs=needs_proofs,
)


FAMILIES: Final = (SHAPES, CLAIMS)
