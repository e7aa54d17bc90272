"""A Starlette and a Flask application as a proxy's requests reach them: its address, and fields as they were sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import flask
import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from werkzeug.test import EnvironBuilder, run_wsgi_app

import asgi_mw
import wsgi_mw
from rskit import ResourceServer

Pairs = Iterable[tuple[str, str]]
Ask = Callable[[str, Pairs], tuple[int, Any]]
"""From an address, with headers; answers the status, and which X- fields the application saw."""


def starlette_app(server: ResourceServer) -> Callable[[str, Pairs], tuple[int, Any]]:
    async def seen(request: Request) -> JSONResponse:
        return JSONResponse([name for name in request.headers if name.startswith("x-")])

    app = asgi_mw.Protect(Starlette(routes=[Route("/accounts", seen)]), server)

    async def ask(peer: str, headers: Pairs) -> tuple[int, Any]:
        transport = httpx.ASGITransport(app=app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="https://api.example") as client:
            answer = await client.get("/accounts", headers=list(headers))
            return answer.status_code, answer.json()

    return lambda peer, headers: asyncio.run(ask(peer, headers))


def flask_app(server: ResourceServer) -> Callable[[str, Pairs], tuple[int, Any]]:
    app = flask.Flask("api")

    @app.get("/accounts")
    def seen() -> Any:
        return flask.jsonify([name.lower() for name, _ in flask.request.headers if name.startswith("X-")])

    protected = wsgi_mw.Protect(app.wsgi_app, server)

    def ask(peer: str, headers: Pairs) -> tuple[int, Any]:
        joined: dict[str, str] = {}
        for name, value in headers:  # as WSGI servers do
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        environ = EnvironBuilder(path="/accounts", headers=joined).get_environ()
        environ["REMOTE_ADDR"] = peer
        body, status, _ = run_wsgi_app(protected, environ)
        return int(status[:3]), flask.json.loads(b"".join(body))

    return ask


SKINS = {"starlette": starlette_app, "flask": flask_app}
