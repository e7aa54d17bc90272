"""A websocket that is refused gets the challenge and never opens, and the server logs no error."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from asgi_mw import Protect
from rskit.testing import Mint
from tests.rskit.live.running import Certificates, uvicorn_at

API = "https://api.example.test"
OPENING = (
    b"GET /feed HTTP/1.1\r\nHost: api.example.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def app(scope: Any, receive: Any, send: Any) -> None:
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
    raise AssertionError("the application was reached")


@pytest.mark.spec("RFC 6750 3")
@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "TLS"])
def test_a_refused_websocket_logs_no_error(
    over_tls: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = Certificates(tmp_path) if over_tls else None
    server = Mint().resource_server(API)
    with uvicorn_at(Protect(app, server), certificates, log_config=None) as base:
        address = urlsplit(base)
        plain = socket.create_connection((address.hostname, address.port), timeout=5)
        nobody = None if certificates is None else certificates.nobody()
        with (
            plain if nobody is None else nobody.wrap_socket(plain, server_hostname="127.0.0.1") as connection
        ):
            connection.sendall(OPENING)
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
    assert answer.startswith(b"HTTP/1.1 401 "), answer
    assert b"www-authenticate:" in answer.lower()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
