"""A client's own web server, over TLS on loopback: what lies there, and what was asked for."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import trustme

from fapikit import HttpSettings
from fapikit.io.tls import client_context

CA = trustme.CA()
TLS = HttpSettings(tls=client_context(ca=CA.cert_pem.bytes()))


@dataclass
class Hosting:
    """`body` None: it hangs up instead of answering. `seen`: the targets that were asked for.

    `may`: it answers once this is set.
    """

    uri: str
    body: bytes | None = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    may: asyncio.Event | None = None

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.seen.append(head.split(" ")[1])
            if self.may is not None:
                await self.may.wait()
            if self.body is not None:
                fields = {**self.headers, "content-length": str(len(self.body)), "connection": "close"}
                lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
                writer.write(f"HTTP/1.1 {self.status} Said\r\n{lines}\r\n".encode() + self.body)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def hosting(name: str = "localhost", path: str = "/request.jwt") -> AsyncIterator[Hosting]:
    """One that runs, under a certificate for `name`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    CA.issue_cert(name).configure_cert(context)
    web = Hosting("")
    server = await asyncio.start_server(web.answer, "127.0.0.1", 0, ssl=context)
    async with server:
        web.uri = f"https://{name}:{server.sockets[0].getsockname()[1]}{path}"
        yield web
