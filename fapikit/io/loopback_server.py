"""The HTTP server of a `LoopbackListener`: it lets through what a browser brings to one path, and nothing else.

A wrong `Host` (DNS rebinding), path, method or form is refused. Connections, octets and time are limited.

Spec: RFC 8252 7.3, 8.9
"""

from __future__ import annotations

import io
import os
import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any, Final, Literal, Protocol, TypeAlias

Verdict: TypeAlias = Literal["taken", "failed", "foreign", "late", "refused", "unknown"]
"""What became of a request: it was the response; it was, and the sign-in failed; it was that of no sign-in under way;
it came after another; it is not allowed here; its path is none of ours."""
Page: TypeAlias = tuple[int, tuple[tuple[str, str], ...], str]
Render: TypeAlias = Callable[[Verdict, str], Page]
"""The page for a verdict, given the Accept-Language of the request."""

MAX_HEAD: Final = 64 * 1024
MAX_BODY: Final = 64 * 1024
MAX_CONNECTIONS: Final = 32
READ_TIMEOUT: Final = 10.0
"""In seconds: for a whole request, and again for writing the response."""
_FORM: Final = "application/x-www-form-urlencoded"


class Receiver(Protocol):
    """Who decides about a response. `authority`: host and port. `submit` waits until it is decided."""

    @property
    def authority(self) -> str: ...

    @property
    def path(self) -> str: ...

    def submit(self, callback: str | bytes) -> Verdict: ...

    def page(self, verdict: Verdict, accept_language: str) -> Page: ...


class LoopbackServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # on Windows it would let another program take over the port

    def __init__(self, listener: Receiver, family: int, address: tuple[str, int]) -> None:
        self.address_family = family
        self.listener = listener
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._idle = threading.Condition()
        self._running = 0
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        with self._idle:
            self._running += 1
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # this machine starts no more threads
            self._end()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._end()

    def _end(self) -> None:
        self._free.release()
        with self._idle:
            self._running -= 1
            self._idle.notify_all()

    def finish(self, seconds: float) -> None:
        """Wait for the answers that are being written."""
        with self._idle:
            self._idle.wait_for(lambda: self._running == 0, timeout=seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is nobody's error. Nothing is printed: a traceback could show a code."""


class _Bounded(io.BufferedIOBase):
    """Reads at most so many octets of a stream."""

    def __init__(self, inner: Any, most: int) -> None:
        self._inner, self._left = inner, most

    def readline(self, size: int | None = -1) -> bytes:
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        line: bytes = self._inner.readline(wanted) if wanted else b""
        self._left -= len(line)
        return line

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        octets: bytes = self._inner.read(wanted) if wanted else b""
        self._left -= len(octets)
        return octets

    def close(self) -> None:
        self._inner.close()
        super().close()


class _Handler(BaseHTTPRequestHandler):
    timeout = READ_TIMEOUT
    server: LoopbackServer

    def setup(self) -> None:
        super().setup()
        self._deadline = threading.Timer(READ_TIMEOUT, self._give_up)
        self._deadline.daemon = True
        self._deadline.start()
        self.rfile = _Bounded(self.rfile, MAX_HEAD + MAX_BODY)

    def finish(self) -> None:
        self._deadline.cancel()
        super().finish()

    def do_GET(self) -> None:
        if self._is_for_us():
            self._submit(f"http://{self.server.listener.authority}{self.path}")

    def do_POST(self) -> None:
        if not self._is_for_us():
            return
        form = self._read_form()
        if form is not None:
            self._submit(form)

    def _is_for_us(self) -> bool:
        """Refuses a page of another name that leads here, and what is not at our path."""
        listener = self.server.listener
        if self.headers.get_all("host") != [listener.authority]:
            return self._answer("refused")
        if self.path.split("?", 1)[0] != listener.path:
            return self._answer("unknown")
        return True

    def _read_form(self) -> bytes | None:
        length = self.headers.get_all("content-length") or []
        kind = self.headers.get_content_type()
        readable = len(length) == 1 and length[0].isascii() and length[0].isdigit()
        if not readable or "transfer-encoding" in self.headers or kind != _FORM or len(length[0]) > 6:
            self._answer("refused")
            return None
        if int(length[0]) > MAX_BODY:
            self._answer("refused")
            return None
        body = self.rfile.read(int(length[0]))
        if len(body) < int(length[0]):
            self._answer("refused")
            return None
        return body

    def _submit(self, callback: str | bytes) -> None:
        self._deadline.cancel()  # from here on the application decides how long it takes
        self._answer(self.server.listener.submit(callback))

    def _answer(self, verdict: Verdict) -> bool:
        language = (self.headers.get("accept-language") or "")[:200] if hasattr(self, "headers") else ""
        status, headers, body = self.server.listener.page(verdict, language)
        octets = body.encode()
        self.close_connection = True
        self.request_version = self.protocol_version  # an answer has a status line, whatever was asked
        self.send_response_only(status)
        for name, value in (*headers, ("content-length", str(len(octets))), ("connection", "close")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(octets)
        return False

    def send_error(self, *_: Any) -> None:
        """What the standard library refuses: a method or a head that it cannot read. Its page would repeat it."""
        self._answer("refused")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the standard library
        """Nothing: the request line has the code."""

    def _give_up(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
