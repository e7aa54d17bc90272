"""How the token is sent: under which scheme, how often, and in which part of the request.

Spec: RFC 6750 2, 2.3; RFC 9449 7.1, 7.2a; FAPI2-SP 5.3.4-1, 5.3.4-2
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, urlencode

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.answer import Headers
from rskit.testing.attacks.attack import TOO_LARGE, Attack, is_not_served_without_token
from rskit.testing.attacks.declared import Family, Made, Maker, Row, needs_proofs, request, text
from rskit.testing.attacks.forger import Forger


def _forged(forger: Forger) -> tuple[str, str]:
    """A token of another user; made up by the attacker if tokens are opaque."""
    token = "x" * 32 if forger.mint.opaque else forger.jwt(sign=forger.own.sign)
    return "Authorization", f"Bearer {token}"


def _two(forger: Forger) -> Headers:
    return [*forger.honest(), _forged(forger)]


def _two_reversed(forger: Forger) -> Headers:
    return [_forged(forger), *forger.honest()]


def _joined(forger: Forger) -> Headers:
    (name, value), *rest = forger.honest()
    return [(name, f"{value}, {_forged(forger)[1]}"), *rest]


def _basic_beside(forger: Forger) -> Headers:
    return [("Authorization", "Basic dXNlcjpwYXNzd29yZA=="), *forger.honest()]


def _under(write: Callable[[str], str]) -> Maker:
    """An honest token, with a valid proof if it is bound, in a changed Authorization header."""

    def headers(forger: Forger) -> Headers:
        token = forger.token()
        (name, _), *rest = forger.headers(token)
        return [(name, write(token)), *rest]

    return request(headers)


_SCHEMES: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("without a scheme", lambda token: token),
    ("under the scheme Token", lambda token: f"Token {token}"),
    ("under the scheme JWT", lambda token: f"JWT {token}"),
    ("under the scheme Basic", lambda token: f"Basic {token}"),
    ("under a scheme that begins as the right one", lambda token: f"BearerX {token}"),
    ("under two schemes", lambda token: f"Bearer DPoP {token}"),
    ("with a word behind it", lambda token: f"Bearer {token} x"),
    ("in quotes", lambda token: f'Bearer "{token}"'),
    ("as a parameter", lambda token: f'Bearer token="{token}"'),
)


def _query(forger: Forger, name: str = "access_token") -> str:
    return f"{forger.url}{'&' if '?' in forger.url else '?'}{name}={quote(forger.token())}"


def _no_headers(_: Forger) -> Headers:
    return []


def _one_header(name: str, write: Callable[[str], str] = str) -> Maker:
    return request(lambda forger: [(name, write(forger.token()))])


_PLACES: Final[tuple[tuple[str, str, Callable[[str], str]], ...]] = (
    (
        "a cookie",
        "Cookie",
        lambda token: f"access_token={token}; token={token}; Authorization=Bearer%20{token}",
    ),
    ("X-Access-Token", "X-Access-Token", str),
    ("X-Authorization", "X-Authorization", lambda token: f"Bearer {token}"),
    ("X-Forwarded-Authorization", "X-Forwarded-Authorization", lambda token: f"Bearer {token}"),
    ("X-Forwarded-Access-Token", "X-Forwarded-Access-Token", str),
    ("Proxy-Authorization", "Proxy-Authorization", lambda token: f"Bearer {token}"),
    ("X-Original-Authorization", "X-Original-Authorization", lambda token: f"Bearer {token}"),
)


def _in_a_form(forger: Forger) -> Made | None:
    if not forger.takes_body:
        return NO_BODY
    body = urlencode({"access_token": forger.token()}).encode()
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    method = forger.method if forger.method not in ("GET", "HEAD") else "POST"
    return forger.attack(headers, method=method, body=body, judge=is_not_served_without_token)


NO_BODY: Final = NotLookedAt(
    "tokens in a form", "send takes no body", "a send with four parameters: method, URL, headers and body"
)


def _place_rows() -> Iterator[Row]:
    for name, header, write in _PLACES:
        yield Row(
            f"the token in {name}",
            f"the honest token in {name}, and none in Authorization",
            _one_header(header, write),
        )


CREDENTIALS: Final = Family(
    "credentials that are not one token in its header",
    means="A proxy and this API read two different tokens from one request, or a token leaks into logs and caches.",
    clause="FAPI2-SP 5.3.4-1",
    remedy="Accept exactly one Authorization header with one token under Bearer or DPoP, and refuse anything else.",
    rows=(
        Row("no token", "the request without any credentials", request(_no_headers)),
        Row("no JWT at all", "32 letters instead of a token", text(lambda _: "x" * 32)),
        Row("an empty token", "a Bearer scheme without a token", _under(lambda _: "Bearer ")),
        Row("the scheme alone", "the word Bearer", _under(lambda _: "Bearer")),
        Row(
            "an empty Authorization header",
            "an Authorization header with nothing in it",
            _under(lambda _: ""),
        ),
        Row("a password", "a user name and a password", _under(lambda _: "Basic dXNlcjpwYXNzd29yZA==")),
        Row("the word null", "the word null instead of a token", _under(lambda _: "Bearer null")),
        Row(
            "two Authorization headers",
            "the honest token, and a forged one in a header of its own",
            request(_two),
        ),
        Row(
            "two Authorization headers, the forged one first",
            "a forged token, then the honest one",
            request(_two_reversed),
        ),
        Row(
            "a password beside the token",
            "a user name and a password, then the honest token",
            request(_basic_beside),
        ),
        Row(
            "two tokens in one header",
            "the honest token and a forged one, with a comma between",
            request(_joined),
        ),
        *(Row(f"the token {name}", f"the honest token {name}", _under(write)) for name, write in _SCHEMES),
        Row(
            "a token of 40,000 letters",
            "40,000 letters instead of a token",
            request(lambda _: [("Authorization", f"Bearer {'x' * 40_000}")], tolerated=TOO_LARGE),
        ),
        Row(
            "the token in the URL",
            "the honest token as access_token in the query, and none in Authorization",
            request(_no_headers, url=_query),
            clause="FAPI2-SP 5.3.4-2",
        ),
        Row(
            "a second token in the URL",
            "the honest token, and another in the query",
            request(Forger.honest, url=_query),
            clause="FAPI2-SP 5.3.4-2",
        ),
        *_place_rows(),
        Row(
            "the token in a form",
            "the honest token as access_token in a form",
            _in_a_form,
            clause="FAPI2-SP 5.3.4-1",
        ),
    ),
)


def _bearer(scheme: str, *, proof: bool) -> Maker:
    def make(forger: Forger) -> Attack:
        token = forger.token()
        headers = [("Authorization", f"{scheme} {token}")]
        return forger.attack([*headers, ("DPoP", forger.proof(token))] if proof else headers)

    return make


def _moved(name: str) -> Maker:
    def make(forger: Forger) -> Attack:
        token = forger.token()
        return forger.attack([("Authorization", f"DPoP {token}"), (name, forger.proof(token))])

    return make


DOWNGRADES: Final = Family(
    "bound tokens without their proof",
    means="A stolen token is used without its key.",
    clause="RFC 9449 7.2a",
    remedy="Refuse a token with cnf.jkt under Bearer. Under DPoP require one proof in the DPoP header.",
    rows=(
        Row(
            "no proof",
            "the honest token under DPoP, without a proof",
            _bearer("DPoP", proof=False),
            clause="RFC 9449 7.1a",
        ),
        Row(
            "a bound token as a bearer token", "the honest token under Bearer", _bearer("Bearer", proof=False)
        ),
        Row(
            "a bound token as a bearer token in small letters",
            "the honest token under bearer",
            _bearer("bearer", proof=False),
        ),
        Row(
            "a bound token as a bearer token, with a proof",
            "the honest token under Bearer, with a proof",
            _bearer("Bearer", proof=True),
        ),
        Row(
            "a proof in another header",
            "the honest token under DPoP, with its proof in X-DPoP",
            _moved("X-DPoP"),
            clause="RFC 9449 7.1a",
        ),
    ),
    needs=needs_proofs,
)

FAMILIES: Final = (CREDENTIALS, DOWNGRADES)
