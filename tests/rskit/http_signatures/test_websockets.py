"""A websocket is opened by a request like any other: where requests must be signed, its handshake must be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import asgi_mw
from rskit import HttpSignatures
from tests.rskit.http_signatures.test_checks import TOKEN, a_client, signed
from tests.rskit.mothers import a_server


async def application(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})


def opened(headers: list[tuple[bytes, bytes]]) -> list[str]:
    """The types of what the server was sent."""
    sent: list[str] = []
    scope = {
        "type": "websocket",
        "path": "/accounts",
        "raw_path": b"/accounts",
        "query_string": b"",
        "headers": headers,
    }
    waiting = [{"type": "websocket.connect"}]
    server = a_server(message_signing=HttpSignatures(clients={"fintech": a_client()}, signer=None))

    async def receive() -> Any:
        return waiting.pop() if waiting else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(asgi_mw.Protect(application, server)(scope, receive, send))
    return sent


@pytest.mark.parametrize("is_signed", [True, False])
def test_the_handshake_is_checked(is_signed: bool) -> None:
    fields = signed().items() if is_signed else [("authorization", f"Bearer {TOKEN}")]
    headers = [(name.encode(), value.encode()) for name, value in fields]
    assert opened(headers) == (["websocket.accept"] if is_signed else ["websocket.close"])
