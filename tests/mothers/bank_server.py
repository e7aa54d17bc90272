"""The fake bank on a real socket of this machine, in a thread; over TLS where that is asked for."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.mothers.fake_bank import FakeBank

Respond = Callable[..., tuple[int, dict[str, str], bytes]]


@dataclass
class Served:
    """`connections`: of each the certificate that was shown (DER or None), in their order; `open`: those left."""

    origin: str
    connections: list[bytes | None] = field(default_factory=list)
    open: set[int] = field(default_factory=set)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: Any, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.tls = tls
        scheme, host = ("http", "127.0.0.1") if tls is None else ("https", "localhost")
        self.served = Served(f"{scheme}://{host}:{self.server_port}")

    def finish_request(self, request: Any, client_address: Any) -> None:
        certificate = None
        if self.tls is not None:
            request = _handshake(self.tls, request)  # here, in a thread of its own
            certificate = request.getpeercert(True)
        number = len(self.served.connections)
        self.served.connections.append(certificate)
        self.served.open.add(number)
        try:
            super().finish_request(request, client_address)
        finally:
            self.served.open.discard(number)
            request.close()

    def handle_error(self, *_: object) -> None:
        """A handshake that failed is what some tests are about."""


def _handshake(tls: ssl.SSLContext, request: socket.socket) -> ssl.SSLSocket:
    wrapped = tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
    try:
        wrapped.do_handshake()
    except ssl.SSLError:
        # Read what the client has sent already: closing before that resets the connection, and our alert is lost.
        with socket.socket(fileno=wrapped.detach()) as bare:
            bare.settimeout(5)
            while bare.recv(4096):
                pass
        raise
    except OSError:  # the client has gone away
        wrapped.close()
        raise
    return wrapped


@contextmanager
def serving(respond: Respond, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """`respond(method, url, headers, body, certificate)` gives status, headers and body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body leave together

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            url = f"{server.served.origin}{self.path}"
            certificate = None if tls is None else self.connection.getpeercert(True)  # type: ignore[attr-defined]
            status, headers, octets = respond(
                self.command, url, list(self.headers.items()), body, certificate
            )
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)
            self.wfile.flush()

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    server = _Server(Handler, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def served(bank: FakeBank, path: str = "/test/a/alias/") -> Iterator[FakeBank]:
    """Serve `bank`; its issuer becomes an http URL on loopback, with a path and a slash at its end."""
    with serving(lambda *request: bank.respond(*request[:4])) as here:
        bank.issuer = f"{here.origin}{path}"
        yield bank
