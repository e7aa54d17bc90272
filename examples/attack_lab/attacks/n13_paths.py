"""Mallory gets past a policy that is written for paths, by another spelling of the path or by a WebSocket.

A gateway or a middleware has a list: `/accounts` needs a token. The application behind it is more generous. It takes
`//accounts`, `/accounts/` and `/ACCOUNTS` for the same page, and it has the same data behind a WebSocket. The list
does not know these spellings, and it was written before there were WebSockets.

The API's middleware stops this. It has no list of paths to protect. Every request needs a token, whatever its path and
its kind, unless the endpoint itself is marked as public.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from examples.attack_lab.answers import Refused, accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story

LOOT = "the balances of all customers, without any token"
MALLORY, API = Party.MALLORY, Party.ACCOUNTS
UPGRADE = {
    "connection": "upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}
SPELLINGS = ("//accounts", "/accounts/", "/ACCOUNTS", "/.//accounts")


async def generous(scope: Scope, receive: Receive, send: Send) -> None:
    """The application: every spelling of `/accounts` is good, and so is a WebSocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "alice: 18000.00"})
        await receive()
    elif scope["type"] == "http":
        found = "accounts" in re.split(r"/+", scope["path"].lower())
        content = {"alice": "18000.00"} if found else {"error": "not found"}
        await JSONResponse(content, 200 if found else 404)(scope, receive, send)


def listed(app: ASGIApp) -> ASGIApp:
    """The naive middleware: its list has one path."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["path"] == "/accounts"
            and "authorization" not in Request(scope).headers
        ):
            await JSONResponse({"error": "invalid_token"}, 401)(scope, receive, send)
            return
        await app(scope, receive, send)

    return checked


def _naive(lab: Lab) -> str:
    api = lab.serve(listed(generous))
    assert lab.http.get(f"{api}/accounts").status_code == 401, "the list works for what is on it"
    return api


def _protected(lab: Lab) -> str:
    return lab.protect(generous, lab.under("fapi2-security").bank.issuer, profile="fapi2-security")


def by_path(start: Callable[[Lab], str]) -> Callable[[Lab, Story], str]:
    def play(lab: Lab, story: Story) -> str:
        api = start(lab)
        for spelling in SPELLINGS:
            story.step(
                MALLORY, API, f"GET {spelling}", "The list does not know it, and the application does."
            )
            answer = lab.http.get(f"{api}{spelling}")
            if answer.is_success:
                break
        assert accepted(answer).json() == {"alice": "18000.00"}
        story.step(API, MALLORY, "the balances", "Nobody has asked for a token.")
        return LOOT

    return play


def by_websocket(start: Callable[[Lab], str]) -> Callable[[Lab, Story], str]:
    def play(lab: Lab, story: Story) -> str:
        api = start(lab)
        story.step(MALLORY, API, "a WebSocket to /accounts", "The middleware looks at HTTP requests only.")
        with lab.http.stream("GET", f"{api}/accounts", headers=UPGRADE) as answer:
            if answer.status_code != 101:
                raise Refused(answer.status_code, "the handshake was refused")
            frame: bytes = answer.extensions["network_stream"].read(100, timeout=10)
        assert frame.endswith(b"alice: 18000.00")
        story.step(API, MALLORY, "the balances", "Nobody has asked for a token.")
        return LOOT

    return play


attack = partial(
    Attack,
    loot=LOOT,
    countermeasures=(),
    rule="NoCredentials",
    clause="RFC 6750 3.1",
    defence="asgi_mw.protect.Protect._admit",
)
PATHS = attack(
    id="N13", title="another spelling of a path", undefended=by_path(_naive), defended=by_path(_protected)
)
WEBSOCKET = attack(
    id="N13.2", title="the WebSocket door", undefended=by_websocket(_naive), defended=by_websocket(_protected)
)
