"""Signatures that are empty, zero, of another key, or of other claims.

Spec: RFC 9068 4-5; RFC 7515 5.2; RFC 8725 3.4 (CVE-2022-21449)
Role: RS
"""

from __future__ import annotations

from typing import Final

from rskit.testing.attacks.attack import Attack
from rskit.testing.attacks.declared import Family, Row, jwt, needs_jwts, text
from rskit.testing.attacks.forger import Forger
from rskit.testing.attacks.jws import nothing, order_of, segment, zeros

_ADMIN: Final = {"sub": "somebody else"}


def _altered_header(forger: Forger) -> str:
    _, payload, signature = forger.token().split(".")
    header = {"typ": "at+jwt", "alg": forger.issuer.alg, "kid": forger.issuer.kid, "x": "1"}
    return f"{segment(header)}.{payload}.{signature}"


def _altered(forger: Forger, token: str) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{segment({**forger.claims(), **_ADMIN})}.{signature}"


def _altered_after_use(forger: Forger) -> Attack:
    """The token was valid a moment ago. A cache that compares less than the whole token still calls it valid."""
    token = forger.token()
    return forger.attack(forger.headers(token), forger.headers(_altered(forger, token)))


def _same_jti(forger: Forger) -> Attack:
    token = forger.jwt(claims={"jti": "known"})
    forged = forger.jwt(claims={"jti": "known", **_ADMIN}, sign=forger.own.sign)
    return forger.attack(forger.headers(token), forger.headers(forged))


def _two_parts(forger: Forger) -> str:
    return forger.token().rpartition(".")[0]


def _many_parts(forger: Forger) -> str:
    return f"{forger.token()}.{segment(_ADMIN)}.x"


def _cut(forger: Forger) -> str:
    return forger.token()[:-10]


def _of_order(forger: Forger) -> Attack | None:
    """r = s = n (the order of the curve). In the computation this is 0."""
    order = order_of(forger.issuer)
    if order is None:
        return None
    number = order.to_bytes(32, "big")
    return forger.attack(forger.headers(forger.jwt(sign=lambda _: number + number)))


FORGED = Family(
    "signatures that do not hold",
    means="Claims that the issuer never signed are accepted.",
    clause="RFC 9068 4-5",
    remedy="Verify every signature with a key of the issuer, and cache decisions only by the whole token.",
    rows=(
        Row("no signature", "a token whose signature is empty", jwt(sign=lambda _: nothing)),
        Row("a signature that is left out", "a token of two parts, without its signature", text(_two_parts)),
        Row("a signature that is cut", "a token without the end of its signature", text(_cut)),
        Row(
            "a signature of nothing",
            "a token whose signature is all zeros",
            jwt(sign=lambda forger: zeros(forger.issuer)),
        ),
        Row(
            "a signature of nothing, as DER",
            "a token whose signature is the pair 0, 0 in DER",
            jwt(sign=lambda _: lambda _: bytes.fromhex("3006020100020100")),
        ),
        Row(
            "a signature of the order", "a token whose signature is the order of the curve, twice", _of_order
        ),
        Row(
            "a signature of one octet",
            "a token whose signature is one octet",
            jwt(sign=lambda _: lambda _: b"x"),
        ),
        Row(
            "another key under the same kid",
            "a token that the attacker signed, under the issuer's kid",
            jwt(sign=lambda forger: forger.own.sign),
        ),
        Row(
            "claims altered after signing",
            "a token whose sub was changed after the issuer had signed it",
            text(lambda forger: _altered(forger, forger.token())),
        ),
        Row(
            "a header altered after signing",
            "a token whose header was changed after the issuer had signed it",
            text(_altered_header),
        ),
        Row(
            "claims altered after the token was used",
            "an honest token, then the same with another sub and the same signature",
            _altered_after_use,
        ),
        Row(
            "a forged token with a jti that is known",
            "an honest token, then one that the attacker signed with its jti",
            _same_jti,
        ),
        Row("a token of five parts", "a token with two parts more", text(_many_parts)),
    ),
    needs=needs_jwts,
)

FAMILIES: Final = (FORGED,)
