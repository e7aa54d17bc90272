"""A client's own web server, over TLS on loopback: what lies there, and what was asked for."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import trustme

from fapikit import HttpSettings
from fapikit.io.tls import client_context

CA = trustme.CA()
TLS = HttpSettings(tls=client_context(ca=CA.cert_pem.bytes()))


@dataclass
class Hosting:
    """`body` None: it hangs up instead of answering. `requests`: what came, in its order.

    `may`: it answers once this is set.
    """

    uri: str
    body: bytes | None = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    may: asyncio.Event | None = None
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def seen(self) -> list[str]:
        """The targets that were asked for."""
        return [request.url.raw_path.decode() for request in self.requests]

    async def heard(self, number: int = 1) -> None:
        """Wait until so many requests have come in all."""
        async with asyncio.timeout(20), self._came:
            await self._came.wait_for(lambda: len(self.requests) >= number)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            request = await self._read(reader)
            async with self._came:
                self.requests.append(request)
                self._came.notify_all()
            if self.may is not None:
                await self.may.wait()
            if self.body is not None:
                fields = {**self.headers, "content-length": str(len(self.body)), "connection": "close"}
                lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
                writer.write(f"HTTP/1.1 {self.status} Said\r\n{lines}\r\n".encode() + self.body)
                await writer.drain()
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> httpx.Request:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = httpx.Headers([tuple(line.split(": ", 1)) for line in lines])
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return httpx.Request(method, httpx.URL(self.uri).join(target), headers=headers, content=body)


@contextlib.asynccontextmanager
async def hosting(
    name: str = "localhost", path: str = "/request.jwt", *, asks_for_certificates: bool = False
) -> AsyncIterator[Hosting]:
    """One that runs, under a certificate for `name`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    CA.issue_cert(name).configure_cert(context)
    if asks_for_certificates:
        CA.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL
    web = Hosting("")
    server = await asyncio.start_server(web.answer, "127.0.0.1", 0, ssl=context)
    async with server:
        web.uri = f"https://{name}:{server.sockets[0].getsockname()[1]}{path}"
        yield web
