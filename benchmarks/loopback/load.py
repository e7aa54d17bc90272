"""A client that loads a server over several connections, each with one request at a time, made beforehand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

CONNECTIONS = 16


def a_request(path: str, port: int, headers: dict[str, str] | None = None) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"host: 127.0.0.1:{port}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode()


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as an answer is whole. `ended` is done when there is none left."""

    def __init__(self, requests: Iterator[bytes], status: bytes, ended: asyncio.Future[None]) -> None:
        self._requests = requests
        self._status = status
        self._ended = ended
        self._seen = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        if not found:
            return
        _, _, length = head.lower().partition(b"content-length:")
        if len(body) < int(length.split(b"\r\n")[0]):
            return
        if self._seen[9:12] != self._status:
            self._fail(AssertionError(self._seen[:300]))
            return
        self._seen = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self._ended.done():
            self._ended.set_result(None)
            self._transport.close()

    def _fail(self, error: Exception) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)


async def load(
    port: int, requests: Sequence[bytes], *, connections: int = CONNECTIONS, status: int = 200
) -> float:
    """Send all requests. Returns the seconds that it took. Raises AssertionError for another status."""
    loop, left = asyncio.get_running_loop(), iter(requests)
    began = time.perf_counter()
    ends: list[asyncio.Future[None]] = []
    for _ in range(min(connections, len(requests))):
        end: asyncio.Future[None] = loop.create_future()
        ends.append(end)
        protocol = partial(_Connection, left, str(status).encode(), end)
        await loop.create_connection(protocol, "127.0.0.1", port)
    await asyncio.gather(*ends)
    return time.perf_counter() - began
