"""An algorithm other than the issuer's: none, an HMAC keyed with the public key, or one for another type of key.

Spec: RFC 8725 2.1, 3.1; RFC 9068 2.1, 4-5 (CVE-2015-9235, CVE-2022-29217, CVE-2024-33663)
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rskit.testing.attacks.attack import Attack
from rskit.testing.attacks.declared import Family, Maker, Row, jwt, needs_jwts, text
from rskit.testing.attacks.forger import NULL, Forger
from rskit.testing.attacks.jws import compact, keyed, nothing, segment
from rskit.testing.attacks.key_spellings import SPELLINGS

_SPELLINGS_OF_NONE: Final = ("None", "NONE", "nOnE", " none", "none ", "")


def _unsecured(alg: Any, **header: Any) -> Maker:
    return jwt({"alg": alg, **header}, sign=lambda _: nothing)


def _old_signature(forger: Forger) -> str:
    header = segment({"typ": "at+jwt", "alg": "none"})
    return f"{header}.{segment(forger.claims())}.{forger.token().rpartition('.')[2]}"


def _twice(*, none_last: bool) -> Maker:
    def write(forger: Forger) -> str:
        first, last = (forger.issuer.alg, "none") if none_last else ("none", forger.issuer.alg)
        header = f'{{"typ":"at+jwt","alg":"{first}","kid":"{forger.issuer.kid}","alg":"{last}"}}'
        return compact(header.encode(), forger.claims(), nothing)

    return text(write)


def _unsecured_rows() -> Iterator[Row]:
    yield Row("alg none", 'a token with alg "none" and no signature', _unsecured("none"))
    for alg in _SPELLINGS_OF_NONE:
        yield Row(f"alg none, spelled {alg!r}", f"a token with alg {alg!r} and no signature", _unsecured(alg))
    yield Row("alg none without kid", "a token with alg none and no kid", _unsecured("none", kid=None))
    yield Row("alg none in a list", 'a token with alg ["none"] and no signature', _unsecured(["none"]))
    yield Row("alg null", "a token with alg null and no signature", _unsecured(NULL))
    yield Row("no alg", "a token without alg and without a signature", _unsecured(None))
    yield Row(
        "alg none with a signature",
        "a token with alg none and another token's signature",
        text(_old_signature),
    )
    for none_last in (True, False):
        where = "last" if none_last else "first"
        yield Row(
            f"alg twice, none {where}",
            f"a token whose header says alg twice, none {where}, and no signature",
            _twice(none_last=none_last),
        )


UNSECURED = Family(
    "tokens that nothing signs",
    means="Anybody can write a token for any user, with any scope.",
    clause="RFC 9068 4-5",
    remedy="Give the verifier the list of algorithms of this issuer, and refuse every other alg first.",
    rows=tuple(_unsecured_rows()),
    needs=needs_jwts,
)


def _with_secret(number: int, alg: str = "HS256", **header: Any) -> Maker:
    def make(forger: Forger) -> Attack | None:
        secret = SPELLINGS[number][1](forger.issuer)
        if secret is None:
            return None
        sign = keyed(secret, f"sha{alg[2:]}")
        return forger.attack(forger.headers(forger.jwt({"alg": alg, **header}, sign=sign)))

    return make


def _guessed(secret: bytes) -> Maker:
    return jwt({"alg": "HS256"}, sign=lambda _: keyed(secret))


def _hmac_rows() -> Iterator[Row]:
    for number, (name, _) in enumerate(SPELLINGS):
        yield Row(
            f"alg HS256 over the public key, as {name}",
            f"a token with alg HS256, keyed with the issuer's public key as {name}",
            _with_secret(number),
        )
    for name in ("PEM", "DER", "JWK without spaces"):
        number = [spelling[0] for spelling in SPELLINGS].index(name)
        yield Row(
            f"alg HS256 over the public key, as {name}, without kid",
            f"a token with alg HS256 and no kid, keyed with the issuer's public key as {name}",
            _with_secret(number, kid=None),
        )
    for alg in ("HS384", "HS512"):
        yield Row(
            f"alg {alg} over the public key, as PEM",
            f"a token with alg {alg}, keyed with the issuer's public key as PEM",
            _with_secret(0, alg),
        )
    yield Row(
        "alg hs256 over the public key, as PEM",
        "a token with alg hs256 in small letters, keyed with the issuer's public key as PEM",
        jwt({"alg": "hs256"}, sign=lambda forger: keyed(SPELLINGS[0][1](forger.issuer) or b"")),
    )
    for named, secret in (("no key at all", b""), ("the word secret", b"secret"), ("the word None", b"None")):
        yield Row(f"alg HS256 over {named}", f"a token with alg HS256, keyed with {named}", _guessed(secret))


KEY_CONFUSION = Family(
    "public keys taken for shared secrets",
    means="The public key is known to everybody, so everybody can make tokens for any user.",
    clause="RFC 8725 3.1",
    remedy="Allow only asymmetric algorithms. Use each key with its own algorithm, never with the header's.",
    rows=tuple(_hmac_rows()),
    needs=needs_jwts,
)


def _other_kind(forger: Forger) -> dict[str, Any]:
    return {"alg": "ES256" if forger.issuer.kty == "RSA" else "PS256"}


def _mislabelled(forger: Forger) -> Attack:
    return forger.attack(forger.headers(forger.jwt(_other_kind(forger))))


def _sibling(forger: Forger) -> Attack | None:
    """An RSA key works with two algorithms. A key that is declared for one must not be used with the other."""
    alg = {"PS": "RS", "RS": "PS"}.get(forger.issuer.alg[:2], "") + forger.issuer.alg[2:]
    if len(alg) < 5:
        return None
    return forger.attack(forger.headers(forger.jwt({"alg": alg}, sign=forger.issuer.sign_as(alg))))


OTHER_ALGORITHMS = Family(
    "algorithms of other keys",
    means="The sender chooses the algorithm, so the weakest algorithm of the verifier can be used.",
    clause="RFC 8725 3.1",
    remedy="Compare the header's alg with the alg of the key that kid names, and refuse a difference.",
    rows=(
        Row("alg of another kind of key", "a token whose alg is for another kind of key", _mislabelled),
        Row(
            "alg that the key is not for",
            "a token signed by the issuer's RSA key with the padding that the key is not declared for",
            _sibling,
        ),
        Row("alg in a list", "a token whose alg is a list", jwt({"alg": lambda f: [f.issuer.alg]})),
        Row(
            "alg in small letters",
            "a token whose alg is in small letters",
            jwt({"alg": lambda f: f.issuer.alg.lower()}),
        ),
    ),
    needs=needs_jwts,
)

FAMILIES: Final = (UNSECURED, KEY_CONFUSION, OTHER_ALGORITHMS)
