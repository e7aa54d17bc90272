"""Tokens of another issuer, or for another API, in many spellings that resemble the right one.

Spec: RFC 9068 4-3, 4-4; RFC 7519 4.1.3; RFC 8725 3.8, 3.9 (CVE-2024-53861)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.declared import Family, Made, Maker, Row, claims, jwt, jwts_only, needs_jwts
from rskit.testing.attacks.forger import NULL, Forger

_OTHER: Final = "https://other.example"
Near = Callable[[str], Any]


def _swapped(url: str) -> str:
    return url.swapcase()


_ISSUERS: Final[tuple[tuple[str, Near], ...]] = (
    ("a token of another issuer", lambda _: "https://evil.example"),
    ("a token of an issuer whose name begins as the right one", lambda iss: f"{iss}.evil.example"),
    ("a token of an issuer whose name ends as the right one", lambda iss: f"https://evil.example/{iss}"),
    ("a token of an issuer whose name is a part of the right one", lambda iss: iss[:-1]),
    ("a token of an issuer with a slash more", lambda iss: f"{iss}/"),
    ("a token of an issuer with a path more", lambda iss: f"{iss}/tenant"),
    ("a token of an issuer in other letters", _swapped),
    ("a token of an issuer over http", lambda iss: iss.replace("https://", "http://", 1)),
    ("a token of an issuer that is empty", lambda _: ""),
    ("a token of two issuers", lambda iss: f"{iss} https://evil.example"),
    ("a token whose issuer is a list", lambda iss: [iss]),
    ("a token whose issuer is null", lambda _: NULL),
    ("a token without an issuer", lambda _: None),
)


def _issuer_rows() -> Iterator[Row]:
    for name, near in _ISSUERS:
        yield Row(name, name, _from(near))


def _from(near: Near) -> Maker:
    def make(forger: Forger) -> Made | None:
        iss = near(forger.mint.url)
        return None if iss == forger.mint.url else jwt(claims={"iss": iss})(forger)

    return make


ISSUERS: Final = Family(
    "issuers that are not the right one",
    means="A server that is not trusted here decides who the user is.",
    clause="RFC 9068 4-3",
    remedy="Compare iss with the configured issuer code point for code point. A substring or prefix is no match.",
    rows=tuple(_issuer_rows()),
    needs=needs_jwts,
)

_AUDIENCES: Final[tuple[tuple[str, Near], ...]] = (
    ("a token for another API", lambda _: _OTHER),
    ("a token for an API whose name begins as this one's", lambda aud: f"{aud}.evil.example"),
    ("a token for an API whose name is a part of this one's", lambda aud: aud[:-1]),
    ("a token for an API whose name ends as this one's", lambda aud: f"{_OTHER}/{aud}"),
    ("a token for this API with a path more", lambda aud: f"{aud}/admin"),
    ("a token for this API in other letters", _swapped),
    ("a token for this API over http", lambda aud: aud.replace("https://", "http://", 1)),
    ("a token for other APIs in a list", lambda _: [_OTHER, "https://third.example"]),
    ("a token for APIs in a list whose names begin as this one's", lambda aud: [f"{aud}.evil.example"]),
    ("a token for several APIs in one string", lambda aud: f"{_OTHER} {aud}"),
    ("a token for any API", lambda _: "*"),
    ("a token with an empty audience", lambda _: ""),
    ("a token for an empty list", lambda _: []),
    ("a token for a list of nothing", lambda _: [""]),
    ("a token without an audience", lambda _: None),
)

_ODD_AUDIENCES: Final[tuple[tuple[str, Near], ...]] = (
    ("a token whose audience is null", lambda _: NULL),
    ("a token whose audience is true", lambda _: True),
    ("a token whose audience is an object", lambda aud: {aud: True}),
    ("a token whose audience is a list in a list", lambda aud: [[aud]]),
)


def _audience_rows() -> Iterator[Row]:
    for name, near in _AUDIENCES:
        yield Row(name, name, _for(near))
    for name, near in _ODD_AUDIENCES:
        yield Row(name, name, jwts_only(_for(near)))


def _for(near: Near) -> Maker:
    def make(forger: Forger) -> Made | None:
        aud = near(forger.mint.resource)
        return None if aud == forger.mint.resource else claims(aud=aud)(forger)

    return make


def _second_audience(forger: Forger) -> Made | None:
    other = forger.reach.other_audience
    return ONE_AUDIENCE if other is None else claims(aud=other)(forger)


ONE_AUDIENCE: Final = NotLookedAt(
    "a second audience",
    "the audiences that were tried are made up; this API may accept other real ones",
    "Reach(other_audience=...) with the identifier of another API of the same issuer",
)

AUDIENCES: Final = Family(
    "audiences that are not this API",
    means="A token that was sent to another API, which could keep it, works here.",
    clause="RFC 9068 4-4",
    remedy="Require aud, as a string or a list of strings, and find this API's identifier in it, letter for letter.",
    rows=(
        *_audience_rows(),
        Row(
            "a token for an API that is known", "a token for another API of the same issuer", _second_audience
        ),
    ),
)

FAMILIES: Final = (ISSUERS, AUDIENCES)
