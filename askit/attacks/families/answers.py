"""What an honest login shows: who answers, where the browser is sent, and which pages could be framed or kept.

Spec: FAPI2-SP 5.3.2.2-7, 5.3.2.2-10, 5.3.2.2-12; RFC 9207 2; RFC 9700 4.2.4, 4.12, 4.16; RFC 6749 10.10; RFC 9449 5b
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import httpx

from askit.attacks.attack import Attack, Came
from askit.attacks.exchange import Exchange, accepted
from fapikit.metadata import ServerMetadata
from fapikit.metadata_audit import audit
from fapikit.scan_report import NotLookedAt

_MIX_UP: Final = "A client cannot tell whose answer it has: the mix-up attack."
_NO_PAGES: Final = NotLookedAt(
    "pages", "sign_in does not use the browser that it is given", "a sign_in that sends its requests by it"
)


def _answer(exchange: Exchange) -> dict[str, str]:
    begun = exchange.begun()
    url = exchange.url(client_id=exchange.party.client_id, request_uri=exchange.pushed(begun))
    return {**exchange.browse(url), "asked": begun.form["state"]}


def _names_its_issuer(exchange: Exchange) -> Came:
    iss = _answer(exchange).get("iss")
    return None if iss == exchange.issuer else "no iss" if iss is None else f"iss is {iss[:100]}"


def _returns_the_state(exchange: Exchange) -> Came:
    answer = _answer(exchange)
    return None if answer.get("state") == answer["asked"] else "another state, or none"


def _has_a_strong_code(exchange: Exchange) -> Came:
    code = _answer(exchange)["code"]
    return None if len(code) >= 22 else f"a code of {len(code)} characters"


def _binds_its_tokens(exchange: Exchange) -> Came:
    begun = exchange.begun()
    kind = str(accepted(exchange.redeem(begun, exchange.code(begun))).get("token_type"))
    return None if kind.lower() == "dpop" else f"token_type {kind[:40]}"


def _ends_pushed_requests(exchange: Exchange) -> Came:
    seconds = accepted(exchange.push(exchange.begun())).get("expires_in")
    fits = isinstance(seconds, int) and 0 < seconds < 600
    return None if fits else f"expires_in is {seconds}"


def _publishes(exchange: Exchange) -> Came:
    issuer = exchange.metadata.get("issuer")
    if issuer != exchange.issuer:
        return f"the metadata name {issuer}"
    profile = "fapi2-message-signing" if exchange.party.signs_requests else "fapi2-security"
    lacks = [
        row.requirement
        for row in audit(ServerMetadata(exchange.issuer, exchange.metadata), profile).rows
        if not row.holds
    ]
    return "; ".join(lacks) or None


def _keeps_tokens(exchange: Exchange) -> Came:
    begun = exchange.begun()
    response = exchange.redeem(begun, exchange.code(begun))
    accepted(response)
    return None if "no-store" in response.headers.get("cache-control", "") else "no Cache-Control: no-store"


def _pages(exchange: Exchange) -> Iterator[httpx.Response]:
    return (seen for seen in exchange.seen if "text/html" in seen.headers.get("content-type", ""))


def _each_page(fault: Callable[[httpx.Response], str | None]) -> Callable[[Exchange], Came]:
    def play(exchange: Exchange) -> Came:
        _answer(exchange)
        pages = list(_pages(exchange))
        if not pages:
            return _NO_PAGES
        return next((f"{found} at {page.url.path}" for page in pages if (found := fault(page))), None)

    return play


def _can_be_framed(page: httpx.Response) -> str | None:
    policy = page.headers.get("content-security-policy", "")
    closed = "frame-ancestors 'none'" in policy or page.headers.get("x-frame-options", "").upper() == "DENY"
    return None if closed else "neither frame-ancestors 'none' nor X-Frame-Options"


def _tells_its_url(page: httpx.Response) -> str | None:
    quiet = page.headers.get("referrer-policy", "") in (
        "no-referrer",
        "same-origin",
        "origin",
        "strict-origin",
        "strict-origin-when-cross-origin",
    )
    return None if quiet else "no Referrer-Policy that keeps the query"


def _redirects_by_307(exchange: Exchange) -> Came:
    _answer(exchange)
    if not exchange.seen:
        return _NO_PAGES
    found = [seen for seen in exchange.seen if seen.status_code in (307, 308)]
    return f"{found[0].status_code} at {found[0].url.path}" if found else None


ATTACKS: Final = (
    Attack(
        "an answer that hides who answers",
        _names_its_issuer,
        "An honest login.",
        _MIX_UP,
        "FAPI2-SP 5.3.2.2-7",
        "Put iss into each authorization response.",
    ),
    Attack(
        "an answer without its state",
        _returns_the_state,
        "An honest login.",
        "A client cannot tell to which login an answer belongs.",
        "RFC 6749 4.1.2",
        "Return state as it came.",
    ),
    Attack(
        "a code that can be guessed",
        _has_a_strong_code,
        "An honest login.",
        "A code is found by trying.",
        "RFC 6749 10.10",
        "Make codes of 128 random bits or more.",
    ),
    Attack(
        "tokens that anybody can use",
        _binds_its_tokens,
        "An honest login, with a proof at the token endpoint.",
        "Who steals an access token uses it.",
        "RFC 9449 5b",
        "Bind access tokens to the key of the proof, and say so by token_type DPoP.",
    ),
    Attack(
        "a pushed request that lives too long",
        _ends_pushed_requests,
        "An honest pushed request.",
        "An authorization URL from a history can still be used.",
        "FAPI2-SP 5.3.2.2-12",
        "Let expires_in be less than 600.",
    ),
    Attack(
        "metadata that promise too little",
        _publishes,
        "The metadata are read, and compared with the profile.",
        "Clients that follow the metadata use weaker options, or cannot use this server at all.",
        "RFC 8414 2",
        "Publish what the profile demands, and nothing that it forbids.",
    ),
    Attack(
        "a redirect that repeats the password",
        _redirects_by_307,
        "An honest login, in a browser that notes each redirect.",
        "The browser sends the form with the password to the client.",
        "FAPI2-SP 5.3.2.2-10",
        "Redirect by 303.",
    ),
    Attack(
        "pages in somebody else's frame",
        _each_page(_can_be_framed),
        "An honest login, in a browser that notes each page.",
        "A user clicks on what is laid over the consent: clickjacking.",
        "RFC 9700 4.16",
        "Send Content-Security-Policy: frame-ancestors 'none'.",
    ),
    Attack(
        "a token response that is kept",
        _keeps_tokens,
        "An honest login, whose token response is looked at.",
        "A cache on the way keeps the tokens.",
        "RFC 6749 5.1",
        "Send Cache-Control: no-store with tokens.",
    ),
    Attack(
        "pages that tell their URL",
        _each_page(_tells_its_url),
        "An honest login, in a browser that notes each page.",
        "A link on the page tells another site the request_uri, or a code.",
        "RFC 9700 4.2.4",
        "Send Referrer-Policy: no-referrer.",
    ),
)
