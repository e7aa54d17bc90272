"""The page on a loopback port, which draws a recording while it grows.

Only this machine reaches it, and only who has the address, which holds a key. Pages of other origins can read nothing:
there is no CORS, and a request whose Host is another name is refused.

Role: RP, RS, AS
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Self

from fapikit_viewer.live import Live, Point
from fapikit_viewer.missing_extra import needs_extra
from fapikit_viewer.page import HTML, SCRIPT, STYLE, empty_saved_page, text_of
from fapikit_viewer.recording import Recording
from fapikit_viewer.saved import recording_of

with needs_extra():
    import uvicorn
    from starlette.applications import Starlette
    from starlette.datastructures import MutableHeaders
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
MAX_WATCHERS: Final = 16
"""Pages that watch at the same time. One more is refused."""
_MAX_CONNECTIONS: Final = 64
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LOOK_EVERY: Final = 0.2
_SIGN_OF_LIFE: Final = 15.0
_DEADLINE: Final = 10.0


class Viewer:
    """A running viewer. `url` is the address of its page. Use it in a `with` statement, or call `close`."""

    def __init__(self, recording: Recording, port: int) -> None:
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listening.getsockname()[1])
        key = secrets.token_urlsafe(16)
        self.url = f"http://127.0.0.1:{self.port}/{key}/"
        self._pages = _Pages(Live(recording))
        routes = Starlette(routes=self._pages.routes(key))
        hosts = frozenset(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost"))
        self._server = _server(_Guard(routes, hosts))
        self._thread = threading.Thread(
            target=self._server.run, args=([self._listening],), daemon=True, name="flow-viewer"
        )
        self._thread.start()

    def __repr__(self) -> str:
        return f"Viewer(port={self.port})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self) -> None:
        """Serve until somebody closes the viewer, or interrupts this thread."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def close(self) -> None:
        """End the server. Pages that are open keep what they show."""
        self._pages.closing = True
        self._server.should_exit = True
        self._thread.join(_DEADLINE)
        self._listening.close()


def serve(recording: Recording | Path | str, *, port: int = 0) -> Viewer:
    """Serve the page for a recording, on loopback, in a thread of its own. The file need not exist yet.

    `port=0`: a free one. Raises OSError if the port is not free, and ModuleNotFoundError without the extra `viewer`.
    """
    return Viewer(recording_of(recording), port)


def _server(app: ASGIApp) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
    )


class _Pages:
    def __init__(self, live: Live) -> None:
        self._live = live
        self._watchers = 0
        self.closing = False

    def routes(self, key: str) -> list[Route]:
        async def answer(request: Request) -> Response:
            text, media_type = files[request.url.path.rpartition("/")[2]]
            return Response(text, media_type=media_type)

        files = {
            "": (text_of(HTML), "text/html"),
            STYLE: (text_of(STYLE), "text/css"),
            SCRIPT: (text_of(SCRIPT), "text/javascript"),
            "empty.html": (empty_saved_page(), "text/plain"),
        }
        return [
            *(Route(f"/{key}/{name}", answer) for name in files),
            Route(f"/{key}/events", self._events),
        ]

    async def _events(self, request: Request) -> Response:
        if self._watchers >= MAX_WATCHERS:
            return PlainTextResponse(f"{MAX_WATCHERS} pages watch already: close one of them", 503)
        point = Point.of(request.headers.get("last-event-id", ""))
        return StreamingResponse(self._stream(point), media_type="text/event-stream")

    async def _stream(self, point: Point) -> AsyncIterator[str]:
        """Server-sent events. The id of each is the point that a page which comes back goes on from."""
        self._watchers += 1
        try:
            yield "retry: 1000\n\n"
            told: dict[str, Any] = {}
            silent = 0.0
            while not self.closing:
                more = self._live.read()
                news, point = self._live.after(point)
                if news["entries"] or _about_all(news) != told:
                    told = _about_all(news)
                    silent = 0.0
                    yield f"event: flow\nid: {point}\ndata: {json.dumps(news, separators=(',', ':'))}\n\n"
                elif not more:
                    silent += _LOOK_EVERY
                    await asyncio.sleep(_LOOK_EVERY)
                if silent >= _SIGN_OF_LIFE:
                    silent = 0.0
                    yield ": still here\n\n"
        finally:
            self._watchers -= 1


def _about_all(news: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in news.items() if name not in ("entries", "whole")}


class _Guard:
    """Refuses a request for another host, and writes the headers of every answer."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        app = self._app if len(given) == 1 and given[0].lower() in self._hosts else _OTHER_HOST
        await app(scope, receive, with_headers)


_OTHER_HOST: Final = PlainTextResponse("this server has only the address that its program printed", 421)
