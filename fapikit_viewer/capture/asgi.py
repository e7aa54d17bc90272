"""Records what an ASGI app receives and answers. What the app sees and sends is not changed, and no stream waits.

Role: RP, RS, AS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from fapikit.refusals import listening
from fapikit_viewer.capture.message import Headers
from fapikit_viewer.capture.served import ABOUT, Served
from fapikit_viewer.recording import Party, Recording

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class RecordedApp:
    """An ASGI app whose messages are recorded. Lifespan and websockets pass unrecorded."""

    def __init__(self, app: ASGIApp, recording: Recording, party: Party) -> None:
        self.inner = app
        self._recording = recording
        self._party = party

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        served = Served(
            self._recording,
            self._party,
            method=scope["method"],
            url=lambda: _url(scope, self._party),
            headers=_decoded(scope["headers"]),
        )

        async def received() -> MutableMapping[str, Any]:
            message = await receive()
            if message["type"] == "http.request":
                served.received(message.get("body", b""))
                if not message.get("more_body", False):
                    served.whole()
            return message

        async def answered(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                served.answers(message["status"], _decoded(message.get("headers", ())))
            await send(message)
            if message["type"] == "http.response.body":
                served.answered(message.get("body", b""))
                if not message.get("more_body", False):
                    served.done(scope.get("auth"))

        before = ABOUT.set(served.id)
        try:
            with listening(served.refused):
                await self.inner(scope, received, answered)
        finally:
            ABOUT.reset(before)
            served.done(scope.get("auth"))


def _url(scope: Scope, party: Party) -> str:
    """The URL that was requested, at the party's own origin if it has named one."""
    raw = scope.get("raw_path")
    path = raw.decode("latin-1") if raw else scope["path"]
    query = scope.get("query_string", b"").decode("latin-1")
    host = dict(scope["headers"]).get(b"host", b"localhost").decode("latin-1")
    origin = party.origins[0] if party.origins else f"{scope.get('scheme', 'http')}://{host}"
    return f"{origin}{path}?{query}" if query else f"{origin}{path}"


def _decoded(headers: Any) -> Headers:
    return [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in headers]
