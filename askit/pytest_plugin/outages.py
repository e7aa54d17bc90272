"""Outages: the server breaks no rule, but no answer comes, or not in time.

    faulty_askit.app.faults.outages["/token"] = "hang"
    faulty_askit.app.faults.outages["*"] = "unavailable"

The key is a path as `faults.calls` shows it, or "*" for every path that has no outage of its own. The value:

    "unavailable"  503; the request is not executed (`faults.headers` may add a Retry-After)
    "hang"         the request is not executed, and no answer comes until the client disconnects
    "reset"        the request is not executed, and the connection is reset
    "lost"         the request is executed, and the connection is reset instead of an answer
    "drip"         the request is executed, and its answer comes octet by octet, one each `DRIP_SECONDS`

Role: AS
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, get_args

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Outage: TypeAlias = Literal["unavailable", "hang", "reset", "lost", "drip"]

OUTAGES: Final = frozenset(get_args(Outage))
DRIP_SECONDS: Final = 0.2
RESET: Final = "askit.reset"
"""The ASGI extension with which an app can reset a request's connection to the test server."""


class Outages(dict[str, Outage]):
    """The outages by path. Raises ValueError for a key that is not a path, and for an unknown outage."""

    def __setitem__(self, path: str, outage: Outage) -> None:
        if path != "*" and not path.startswith("/"):
            raise ValueError(f'{path!r} is not a path: write "/{path}", or "*" for every path')
        if outage not in OUTAGES:
            raise ValueError(f"no such outage: {outage!r}; known: {', '.join(sorted(OUTAGES))}")
        super().__setitem__(path, outage)

    def at(self, path: str) -> Outage | None:
        return self.get(path, self.get("*"))


async def answer_badly(outage: Outage, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one HTTP request of `app` with this outage."""
    match outage:
        case "unavailable":
            await PlainTextResponse("out of order, as the test asked", 503)(scope, receive, send)
        case "hang":
            await _gone(receive)
        case "reset":
            await _reset(scope, receive)
        case "lost":
            await app(scope, receive, _nowhere)
            await _reset(scope, receive)
        case "drip":
            await _drip(app, scope, receive, send)


async def _nowhere(message: Message) -> None:
    """The `send` of an answer that is lost."""


async def _gone(receive: Receive) -> None:
    """Wait until the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _reset(scope: Scope, receive: Receive) -> None:
    reset = scope.get("extensions", {}).get(RESET)
    if reset is None:  # there is no socket: the app is called in this process
        raise ConnectionResetError("reset, as the test asked")
    reset["now"]()
    await _gone(receive)


async def _drip(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    answer: list[Message] = []

    async def keep(message: Message) -> None:
        answer.append(message)

    await app(scope, receive, keep)
    start, *bodies = answer
    await send(start)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        for octet in b"".join(message.get("body", b"") for message in bodies):
            await send({"type": "http.response.body", "body": bytes([octet]), "more_body": True})
            await asyncio.wait({gone}, timeout=DRIP_SECONDS)
            if gone.done():
                return
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


def resettable(app: ASGIApp, connections: Callable[[], Any]) -> ASGIApp:
    """The app, with the extension `RESET` in its HTTP requests. `connections`: uvicorn's open protocols."""

    async def with_extension(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            client = tuple(scope.get("client") or ())

            def now() -> None:
                for connection in list(connections()):
                    if connection.client == client:
                        _abort(connection.transport)

            extensions = {**scope.get("extensions", {}), RESET: {"now": now}}
            scope = {**scope, "extensions": extensions}
        await app(scope, receive, send)

    return with_extension


def _abort(transport: asyncio.Transport) -> None:
    # With a linger time of 0, closing sends RST instead of FIN.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
