"""A small application behind `Protect`, in both skins, and all that a scan of it can use."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

import asgi_mw
import wsgi_mw
from asgi_mw import starlette as on_starlette
from rskit import Cors, Token
from rskit.attacks import AsgiSender, Reach, ScanReport, WsgiSender, afind_holes, find_holes
from rskit.testing import Mint
from tests.clocks import FrozenClock
from tests.rskit.mothers import RESOURCE
from wsgi_mw import flask as on_flask

URL = f"{RESOURCE}/accounts"


class Guarded:
    """Settings are those of the resource server. `opaque`: it asks about tokens. `certificate`: what `send` shows."""

    def __init__(
        self,
        skin: str,
        *,
        opaque: bool = False,
        certificate: bytes | None = None,
        cors: Cors | None = None,
        **settings: Any,
    ) -> None:
        self.skin, self.runs = skin, 0
        self.clock = clock = FrozenClock()
        self.mint, second = Mint(clock=clock, opaque=opaque), Mint("https://second.example", clock=clock)
        self.server = self.mint.resource_server(RESOURCE, **settings)
        app: Any = asgi_mw.Protect(self.starlette(), self.server, cors=cors)
        sender: Any = AsgiSender
        if skin == "wsgi":
            app, sender = wsgi_mw.Protect(self.flask(), self.server, cors=cors), WsgiSender
        self.send = sender(app, certificate=certificate)
        self.reach: dict[str, Any] = {
            "advance": clock.advance,
            "subject": lambda answer: json.loads(answer.body)["accounts_of"],
            "target": self.send.target,
            "reached": lambda: self.runs,
            "revoke": self.revoke if opaque else None,
            "other_scope": "payments",
            "other_audience": "https://cards.example",
            "other_issuer": second,
            "certificate": certificate,
            "websocket": "wss://api.example/feed" if skin == "asgi" else None,
            "only_bound": self.server.require_bound,
        }

    def scan(self, *, bound: bool = True, **claims: Any) -> ScanReport:
        given: dict[str, Any] = {"bound": bound, "scope": "accounts", **claims}
        if self.skin == "asgi":
            return asyncio.run(
                afind_holes(self.send, self.mint, "GET", URL, reach=Reach(**self.reach), **given)
            )
        with ThreadPoolExecutor(8) as executor:
            reach = Reach(**self.reach, executor=executor)
            return find_holes(self.send, self.mint, "GET", URL, reach=reach, **given)

    def revoke(self, token: str) -> None:
        self.mint.revoke(token)
        self.server.forget(token)

    def accounts_of(self, token: Token | None) -> dict[str, str | None]:
        self.runs += 1
        return {"accounts_of": token.subject if token else None}

    def starlette(self) -> Starlette:
        @on_starlette.Access("accounts")
        async def accounts(request: Request) -> JSONResponse:
            return JSONResponse(self.accounts_of(on_starlette.checked_request_of(request).token))

        @on_starlette.public()
        async def health(request: Request) -> JSONResponse:
            return JSONResponse({"up": True})

        async def feed(websocket: WebSocket) -> None:
            await websocket.accept()
            await websocket.close()

        return Starlette(
            routes=[Route("/accounts", accounts), Route("/health", health), WebSocketRoute("/feed", feed)]
        )

    def flask(self) -> flask.Flask:
        app = flask.Flask("bank")
        accounts = on_flask.Access("accounts")(
            lambda: self.accounts_of(on_flask.current_checked_request().token)
        )
        app.add_url_rule("/accounts", "accounts", accounts)
        app.add_url_rule("/health", "health", on_flask.public()(lambda: {"up": True}))
        return app
