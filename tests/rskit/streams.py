"""Scopes and apps of streams, and a run of one behind the middleware."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import asgi_mw
from rskit import ResourceServer
from tests.clocks import NOW
from tests.rskit.mothers import a_token


def a_scope(kind: str = "http", token: str | None = None, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    credentials = [(b"authorization", f"Bearer {token or a_token()}".encode())]
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "method": "GET",
        "path": "/feed",
        "raw_path": b"/feed",
        "query_string": b"",
        "headers": [*credentials, *headers],
        "extensions": {"websocket.http.response": {}} if kind == "websocket" else {},
    }


def run(app: Any, scope: dict[str, Any], server: ResourceServer, **options: Any) -> list[dict[str, Any]]:
    """What the server was sent; `receive` gives the connect, and then nothing for ever."""
    sent: list[dict[str, Any]] = []

    async def go() -> None:
        first = {"type": "websocket.connect"} if scope["type"] == "websocket" else {"type": "http.request"}
        waiting = [first]

        async def receive() -> dict[str, Any]:
            if waiting:
                return waiting.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await asyncio.wait_for(asgi_mw.Protect(app, server, **options)(scope, receive, send), 5)

    asyncio.run(go())
    return sent


async def a_websocket(scope: Any, receive: Any, send: Any) -> None:
    """Accepts, and listens until it is disconnected."""
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return


def a_running_clock() -> Callable[[], float]:
    start = time.monotonic()
    return lambda: NOW + time.monotonic() - start
