"""Keys that the token contains or links to, and kids that are more than a name.

Spec: RFC 8725 3.10; RFC 9068 4-5; RFC 7515 4.1 (CVE-2018-0114, CVE-2026-27962; kid as path, URL or SQL)
Role: RS
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.attack import Attack
from rskit.testing.attacks.certificates import certificate_of
from rskit.testing.attacks.declared import Family, Made, Maker, Row, jwt, needs_jwts
from rskit.testing.attacks.forger import NULL, Forger, signing_key, values_of
from rskit.testing.attacks.jws import SignOctets, keyed

_EVIL: Final = "https://evil.example/jwks"
_CANNOT_DECIDE: Final = frozenset({503})
"""A server that cannot fetch its issuer's keys now answers 503: an unknown kid may be a new key."""


def _own(forger: Forger) -> SignOctets:
    return forger.own.sign


def _x5c(forger: Forger) -> list[str]:
    return [base64.b64encode(certificate_of(forger.own)).decode()]


def _data_url(forger: Forger) -> str:
    keys = json.dumps({"keys": [forger.own.named_jwk]}).encode()
    return f"data:application/json;base64,{base64.b64encode(keys).decode()}"


def _carried() -> Iterator[Row]:
    for name, header in (
        ("a key", {"jwk": lambda forger: forger.own.named_jwk}),
        ("a certificate", {"x5c": _x5c}),
    ):
        for kid, which in (
            (None, {"kid": None}),
            ("the issuer's kid", {}),
            ("a kid of its own", {"kid": "mine"}),
        ):
            under = "without kid" if kid is None else f"under {kid}"
            yield Row(
                f"{name} of its own in the header" + ("" if kid is None else f", {under}"),
                f"a token that the attacker signed, with {name} of his in the header, {under}",
                jwt({**header, **which}, sign=_own, tolerated=_CANNOT_DECIDE),
            )


def _fetched(member: str) -> Maker:
    """Signed by a key that is published at the URL in the header."""

    def make(forger: Forger) -> Made | None:
        server = forger.reach.key_server
        if server is None:
            return NO_KEY_SERVER
        server.publish({"keys": [{**forger.own.named_jwk, "x5c": _x5c(forger)}]})
        return jwt({member: server.url}, sign=_own, tolerated=_CANNOT_DECIDE)(forger)

    return make


NO_KEY_SERVER: Final = NotLookedAt(
    "keys behind a URL in the header",
    "there is no server from which this API could fetch the attacker's keys",
    "Reach(key_server=KeyServer(url, publish))",
)

BROUGHT_ALONG: Final = Family(
    "keys that the token brings along",
    means="Anybody with a key pair can make tokens for any user.",
    clause="RFC 8725 3.10",
    remedy="Take keys only from the issuer's key set, and ignore jwk, jku, x5c and x5u.",
    rows=(
        *_carried(),
        Row(
            "a key set of its own in the header",
            "a token that the attacker signed, whose jku names his server",
            jwt({"jku": _EVIL}, sign=_own, tolerated=_CANNOT_DECIDE),
        ),
        Row(
            "a key set as a data URL in the header",
            "a token that the attacker signed, whose jku is a data URL with his keys",
            jwt({"jku": _data_url}, sign=_own, tolerated=_CANNOT_DECIDE),
        ),
        Row(
            "a key set that jku names",
            "a token signed by a key that is published at its jku",
            _fetched("jku"),
        ),
        Row(
            "a certificate that x5u names",
            "a token signed by a key that is published at its x5u",
            _fetched("x5u"),
        ),
    ),
    needs=needs_jwts,
)


def _kid(kid: Any, secret: bytes | None = None) -> Maker:
    if secret is None:
        return jwt({"kid": kid}, sign=_own, tolerated=_CANNOT_DECIDE)
    return jwt({"kid": kid, "alg": "HS256"}, sign=lambda _: keyed(secret), tolerated=_CANNOT_DECIDE)


KIDS: Final = Family(
    "kids that are more than a name",
    means="The sender of a token chooses the key that it is verified with.",
    clause="RFC 8725 3.10",
    remedy="Look the kid up in the issuer's key set, unchanged, and refuse one that is not there.",
    rows=(
        Row(
            "a kid that nobody knows",
            "a token that the attacker signed, under a kid of no key",
            _kid("nobody's"),
        ),
        Row("no kid, and another key", "a token without kid that the attacker signed", _kid(None)),
        Row("an empty kid", "a token that the attacker signed, with an empty kid", _kid("")),
        Row("a kid that is null", "a token that the attacker signed, whose kid is null", _kid(NULL)),
        Row("a kid that is a number", "a token that the attacker signed, whose kid is 0", _kid(0)),
        Row(
            "a kid that is a list",
            "a token that the attacker signed, whose kid is a list",
            _kid(lambda f: [f.issuer.kid]),
        ),
        Row(
            "a kid that is an object",
            "a token that the attacker signed, whose kid is an object",
            _kid({"$ne": ""}),
        ),
        Row("a kid that is a URL", "a token that the attacker signed, whose kid is a URL", _kid(_EVIL)),
        Row(
            "a kid that is an empty file",
            "a token with alg HS256 over no key, whose kid is /dev/null",
            _kid("../../../../../../dev/null", b""),
        ),
        Row(
            "a kid that is a file",
            "a token with alg HS256 over a line break, whose kid is a file that holds one",
            _kid("../../../../../../proc/sys/kernel/randomize_va_space", b"2\n"),
        ),
        Row(
            "a kid that is SQL",
            "a token with alg HS256 over the word that its kid selects from a database",
            _kid("nobody' UNION SELECT 'known' -- ", b"known"),
        ),
        Row(
            "a kid that ends with a null octet",
            "a token that the attacker signed, whose kid is the issuer's and a null octet",
            _kid(lambda forger: f"{forger.issuer.kid}\0"),
        ),
        Row(
            "a kid of many letters",
            "a token that the attacker signed, whose kid has 2,000 letters",
            jwt({"kid": "k" * 2000}, sign=_own, tolerated=frozenset({413, 431, 503})),
        ),
    ),
    needs=needs_jwts,
)


def _of_the_other(**header: Any) -> Maker:
    def make(forger: Forger) -> Attack | NotLookedAt:
        other = forger.reach.other_issuer
        if other is None:
            return ONE_ISSUER
        key = signing_key(other.issuer_key)
        members = {"kid": key.kid, "alg": key.alg, **values_of(header, forger)}
        return forger.attack(forger.headers(forger.jwt(members, sign=key.sign)))

    return make


ONE_ISSUER: Final = NotLookedAt(
    "keys of a second issuer",
    "only one issuer that this API trusts is known here",
    "Reach(other_issuer=Mint(url))",
)

OTHER_ISSUER: Final = Family(
    "keys of another issuer",
    means="One issuer that this API trusts can make tokens in the name of another.",
    clause="RFC 8725 3.8",
    remedy="Choose the issuer by iss first, and verify only with the keys of that issuer.",
    rows=(
        Row(
            "a key of another issuer",
            "a token of this issuer that another trusted one signed",
            _of_the_other(),
        ),
        Row(
            "a key of another issuer, under the issuer's kid",
            "a token of this issuer that another trusted one signed, under the kid of this one's key",
            _of_the_other(kid=lambda forger: forger.issuer.kid),
        ),
    ),
    needs=needs_jwts,
)

FAMILIES: Final = (BROUGHT_ALONG, KIDS, OTHER_ISSUER)
