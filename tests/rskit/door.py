"""What the tests of the door share: a way to ask as a stranger, and a list of what of an application has run."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from werkzeug.test import Client

from tests.rskit.mothers import RESOURCE

PREFLIGHT = {"origin": "https://shop.example", "access-control-request-method": "GET"}


class Ran(list[str]):
    """What of an application has run, in order. Called with a name it notes that."""

    def __call__(self, name: str) -> None:
        self.append(name)


def ask_asgi(app: Any, method: str, path: str, headers: Any = None) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=RESOURCE) as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(send())


def ask_wsgi(app: Any, method: str, path: str, headers: Any = None) -> Any:
    return Client(app).open(path, method=method, headers=headers or {})


def open_websocket(app: Any, path: str) -> list[str]:
    """The types of what the server was sent."""
    sent: list[str] = []

    async def go() -> None:
        scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [],
        }
        waiting = [{"type": "websocket.connect"}]

        async def receive() -> Any:
            return waiting.pop() if waiting else {"type": "websocket.disconnect", "code": 1000}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await app(scope, receive, send)

    asyncio.run(go())
    return sent
