"""Sends for applications in the same process. They write every request unchanged, also odd ones.

Test clients correct what they send: they collapse slashes, join headers, and have no websocket handshake.

Spec: RFC 9112 3.2; RFC 6455 4.2
Role: RS
"""

from __future__ import annotations

import io
import logging
from base64 import encodebytes
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from rskit.testing.attacks.answer import Answer, Headers

LOGGER: Final = logging.getLogger("rskit.testing")
ANONYMOUS_USER: Final = "203.0.113.9"
"""The address that requests come from. Nobody trusts it."""
_MOST_OCTETS: Final = 1024 * 1024


class WsgiSender:
    """`send` for a WSGI application: `find_holes(WsgiSender(app), ...)`. `certificate`: the client's, in DER.

    `target` takes the request target exactly as on the request line, for `Reach(target=...)`.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], *, certificate: bytes | None = None) -> None:
        self.app, self._certificate = app, certificate

    def __call__(self, method: str, url: str, headers: Headers, body: bytes = b"") -> Answer:
        return self._send(method, target_of(url), url, headers, body)

    def target(self, method: str, target: str, headers: Headers) -> Answer:
        return self._send(method, target, "https://localhost", headers, b"")

    def _send(self, method: str, target: str, url: str, headers: Headers, body: bytes) -> Answer:
        environ = self._environ(method, target, url, headers, body)
        started: list[tuple[str, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def start_response(status: str, answered: list[tuple[str, str]], _: Any = None) -> Any:
            started.append((status, answered))
            return written.append

        try:
            chunks = self.app(environ, start_response)
            try:
                for chunk in chunks:
                    written.append(chunk)
                    if sum(map(len, written)) > _MOST_OCTETS:
                        break
            finally:
                getattr(chunks, "close", lambda: None)()
        except Exception:  # a server would log it and answer in this way
            LOGGER.info("the application raised an error", exc_info=True)
            return Answer(500, (), b"")
        status, answered = started[-1]
        return Answer(int(status.split(" ")[0]), tuple(answered), b"".join(written))

    def _environ(self, method: str, target: str, url: str, headers: Headers, body: bytes) -> dict[str, Any]:
        path, _, query = target.partition("?")
        parts = urlsplit(url)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": target,
            "REQUEST_URI": target,
            "SERVER_NAME": parts.hostname or "localhost",
            "SERVER_PORT": str(parts.port or 443),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": ANONYMOUS_USER,
            "HTTP_HOST": parts.netloc,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if body:
            environ["CONTENT_LENGTH"] = str(len(body))
        if self._certificate is not None:
            environ["gunicorn.socket"] = _Handshake(self._certificate)
        return environ | _as_variables(headers)


def _as_variables(headers: Headers) -> dict[str, str]:
    """Joins repeated headers, and writes _ for -, as servers do."""
    variables: dict[str, str] = {}
    for name, value in headers:
        variable = name.upper().replace("-", "_")
        if variable not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            variable = f"HTTP_{variable}"
        joined = variable in variables and variable != "HTTP_HOST"
        variables[variable] = f"{variables[variable]},{value}" if joined else value
    return variables


class _Handshake:
    """Stands for a TLS socket. It only has the peer's certificate."""

    def __init__(self, certificate: bytes) -> None:
        self._certificate = certificate

    def getpeercert(self, _: bool = False, /) -> bytes:
        return self._certificate


class AsgiSender:
    """`send` for an ASGI application: `await afind_holes(AsgiSender(app), ...)`. `certificate`: the client's, in DER.

    A wss URL is a websocket handshake, answered with 101 if it is accepted. `target` takes the request target exactly
    as on the request line, for `Reach(target=...)`.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], *, certificate: bytes | None = None) -> None:
        self.app, self._certificate = app, certificate

    async def __call__(self, method: str, url: str, headers: Headers, body: bytes = b"") -> Answer:
        return await self._send(method, target_of(url), url, headers, body)

    async def target(self, method: str, target: str, headers: Headers) -> Answer:
        return await self._send(method, target, "https://localhost", headers, b"")

    async def _send(self, method: str, target: str, url: str, headers: Headers, body: bytes) -> Answer:
        exchange = _Exchange(body, websocket=url.startswith(("ws:", "wss:")))
        scope = self._scope(method, target, url, headers, websocket=exchange.websocket)
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception:  # a server would log it and answer in this way
            if not exchange.status:
                LOGGER.info("the application raised an error", exc_info=True)
                return Answer(500, (), b"")
        return exchange.answer()

    def _scope(
        self, method: str, target: str, url: str, headers: Headers, *, websocket: bool
    ) -> dict[str, Any]:
        path, _, query = target.partition("?")
        parts = urlsplit(url)
        named = (
            headers
            if any(name.lower() == "host" for name, _ in headers)
            else [("host", parts.netloc), *headers]
        )
        scope: dict[str, Any] = {
            "type": "websocket" if websocket else "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": parts.scheme,
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in named],
            "client": (ANONYMOUS_USER, 4711),
            "server": (parts.hostname or "localhost", parts.port or 443),
            "state": {},
            "extensions": {"websocket.http.response": {}},
        }
        if websocket:
            del scope["method"]
            scope["subprotocols"] = _subprotocols(headers)
        if self._certificate is not None:
            scope["extensions"]["tls"] = {"client_cert_chain": [_pem(self._certificate)]}
        return scope


class _Exchange:
    """The messages of one request in both directions."""

    def __init__(self, body: bytes, *, websocket: bool) -> None:
        self.websocket = websocket
        self.status = 0
        self._coming: list[dict[str, Any]] = [
            {"type": "websocket.connect"}
            if websocket
            else {"type": "http.request", "body": body, "more_body": False}
        ]
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""

    async def receive(self) -> dict[str, Any]:
        if self._coming:
            return self._coming.pop()
        return (
            {"type": "websocket.disconnect", "code": 1000} if self.websocket else {"type": "http.disconnect"}
        )

    async def send(self, message: MutableMapping[str, Any]) -> None:
        match message["type"]:
            case "http.response.start" | "websocket.http.response.start":
                self.status, self._headers = message["status"], list(message.get("headers", ()))
            case "http.response.body" | "websocket.http.response.body":
                self._body += message.get("body", b"")
                if len(self._body) > _MOST_OCTETS:
                    raise OSError("the client has gone")
            case "websocket.accept":
                self.status = 101
            case "websocket.close":
                self.status = self.status or 403

    def answer(self) -> Answer:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in self._headers)
        return Answer(self.status or 500, headers, self._body)


def target_of(url: str) -> str:
    """The request target for this URL: everything after its host, unchanged."""
    behind = url.partition("://")[2]
    slash = behind.find("/")
    return behind[slash:] if slash >= 0 else "/"


def _subprotocols(headers: Headers) -> list[str]:
    offered = [value for name, value in headers if name.lower() == "sec-websocket-protocol"]
    return [word.strip() for value in offered for word in value.split(",")]


def _pem(certificate: bytes) -> str:
    body = encodebytes(certificate).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
