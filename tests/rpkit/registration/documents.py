"""One document at an https URL on loopback, served from a thread: for servers that fetch a client's metadata."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.askit.hosting import CA


@dataclass
class Page:
    url: str
    body: bytes = b"{}"
    asked: int = 0


@contextmanager
def published() -> Iterator[Page]:
    """One that runs, under a certificate of the authority of `tests.askit.hosting`."""
    page = Page("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page.asked += 1
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)

        def log_message(self, *_: object) -> None:
            """Nothing to the terminal."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    CA.issue_cert("localhost").configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        page.url = f"https://localhost:{server.server_port}/oauth/client.json"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield page
        finally:
            server.shutdown()
