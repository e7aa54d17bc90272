"""`once` while the store does not answer is 503 in every skin, whatever the application makes of the error."""

from __future__ import annotations

import asyncio
from typing import Any

import flask
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from werkzeug.test import Client

import asgi_mw
import wsgi_mw
from asgi_mw import starlette as on_starlette
from fapikit import SqliteStore
from rskit import ResourceServer
from tests.rskit.mothers import a_server, a_token
from wsgi_mw import flask as on_flask

EXECUTED: list[str] = []


def flask_call(server: ResourceServer, swallows: bool, shows: bool) -> tuple[int, Any]:
    app = flask.Flask("api")
    app.testing = shows  # then what a view raises leaves the application

    @app.post("/payments")
    def pay() -> str:
        try:
            if on_flask.once("payment 7", 60):
                EXECUTED.append("payment 7")
        except Exception:
            if not swallows:
                raise
        return "done"

    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, server)  # type: ignore[method-assign]
    answer = Client(app).post("/payments", headers={"authorization": f"Bearer {a_token()}"})
    return answer.status_code, answer.headers


def starlette_call(server: ResourceServer, swallows: bool, shows: bool) -> tuple[int, Any]:
    async def pay(request: Request) -> JSONResponse:
        try:
            if await on_starlette.once(request, "payment 7", 60):
                EXECUTED.append("payment 7")
        except Exception:
            if not swallows:
                raise
        return JSONResponse("done")

    inner = Starlette(debug=shows, routes=[Route("/payments", pay, methods=["POST"])])

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=asgi_mw.Protect(inner, server))
        async with httpx.AsyncClient(transport=transport, base_url="https://api.example") as client:
            return await client.post("/payments", headers={"authorization": f"Bearer {a_token()}"})

    answer = asyncio.run(send())
    return answer.status_code, answer.headers


@pytest.mark.parametrize("swallows", [False, True], ids=["not caught", "swallowed"])
@pytest.mark.parametrize("shows", [False, True], ids=["its own error page", "the error let out"])
@pytest.mark.parametrize("call", [flask_call, starlette_call])
def test_what_cannot_be_known_to_be_the_first_is_503_and_happens_not(
    call: Any, shows: bool, swallows: bool, tmp_path: Any
) -> None:
    EXECUTED.clear()
    server = a_server(store=SqliteStore(tmp_path / "not there" / "store.db"))
    status, headers = call(server, swallows, shows)
    assert status == 503
    assert int(headers["retry-after"]) > 0
    assert EXECUTED == []
