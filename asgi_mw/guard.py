"""One request on its way through the app: its answer completed or replaced, its stream ended with its token.

A stream is a websocket that was accepted, or an answer that announces more body and no length. One timer is armed for
it; when it fires the token is looked at again. At its end the stream is closed, `receive` yields a disconnect and
`send` refuses.

Spec: RFC 6750 3; RFC 9449 8.2; FAPI2-SP 5.3.4-3 (RS-16, RS-19)
Role: RS
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Final, cast

from asgi_mw.routes import is_public
from asgi_mw.view import Message, Receive, Scope, Send
from rskit.admission import Admission
from rskit.challenge import headers_of
from rskit.decision import Refusal
from rskit.errors import NoCredentials
from rskit.request_view import RequestView
from rskit.resource_server import ResourceServer
from rskit.stream import StreamWatch

_EXPOSED: Final = (
    b"access-control-expose-headers",
    b"WWW-Authenticate, DPoP-Nonce, x-fapi-interaction-id",
)
_BEGINNINGS: Final = frozenset(
    {"http.response.start", "websocket.accept", "websocket.close", "websocket.http.response.start"}
)
_LENGTH_OF_CONTENT_LENGTH: Final = len(b"content-length")
POLICY_VIOLATION: Final = 1008


class TokenEnded(OSError):
    """What `send` raises once the token has ended: frameworks take it for a client that went away."""


class Guard:
    """`public` is the public endpoint that a request without credentials was let through to."""

    __slots__ = (
        "_connected",
        "_ended_event",
        "_has_length",
        "_looking",
        "_receive",
        "_scope",
        "_send",
        "_server",
        "_streaming",
        "_timer",
        "_watch",
        "admission",
        "public",
    )

    def __init__(
        self, server: ResourceServer, view: RequestView, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.admission = Admission(server, view, None)
        self.public: Any = None
        self._server = server
        self._scope = scope
        self._receive = receive
        self._send = send
        self._has_length = False
        self._connected = False
        self._streaming = False
        self._timer: asyncio.TimerHandle | None = None
        self._ended_event: asyncio.Event | None = None
        self._watch: StreamWatch | None = None
        self._looking: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        return self._ended_event is not None and self._ended_event.is_set()

    async def send(self, message: Message) -> None:
        if self._streaming:
            await self._send_in_stream(message)
            return
        kind = message["type"]
        if not self.admission.started:
            if kind in _BEGINNINGS:
                begun = self._begin(kind, message)
                if begun is None:
                    await self.send_refusal(cast(Refusal, self.admission.refusal))
                    return
                message = begun
        elif self.admission.refusal is not None:
            return  # the rest of an answer that was replaced
        elif kind == "http.response.body" and message.get("more_body") and not self._has_length:
            self._arm()
        await self._send(message)

    async def receive(self) -> Message:
        if self._ended_event is None:
            message = await self._receive()
            self._connected = self._connected or message["type"] == "websocket.connect"
            return message
        if self._ended_event.is_set():
            return self._disconnect()
        received = asyncio.ensure_future(self._receive())
        ended = asyncio.ensure_future(self._ended_event.wait())
        try:
            await asyncio.wait({received, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not await self._goes_on():
                await self._end()  # what a client says after a revocation is not heard
            return received.result() if received.done() and not self.ended else self._disconnect()
        finally:
            for waiting in (received, ended):
                waiting.cancel()

    async def send_refusal(self, refusal: Refusal) -> None:
        self.admission.refusal = refusal
        await self.send_answer(refusal.status, headers_of(refusal), refusal.body)

    async def send_answer(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """An answer of ours; for a websocket a denial, or its close where the server knows no denial."""
        self.admission.started = True
        kind = "http.response"
        if self._scope["type"] == "websocket":
            if not self._connected:  # an app that asks first has had it
                await self._receive()  # websocket.connect
            if "websocket.http.response" not in (self._scope.get("extensions") or ()):
                await self._send({"type": "websocket.close", "code": POLICY_VIOLATION})
                return
            kind = "websocket.http.response"
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        encoded += self._additions(nonce=False)
        await self._send({"type": f"{kind}.start", "status": status, "headers": encoded})
        body = b"" if self._scope.get("method") == "HEAD" else body
        await self._send({"type": f"{kind}.body", "body": body})

    def close(self) -> None:
        """The app is done."""
        if self._timer is not None:
            self._timer.cancel()
            if self._ended_event is not None:
                self._ended_event.set()  # a cut that comes after the end has nothing to close

    def _begin(self, kind: str, message: Message) -> Message | None:
        """The first message of an answer, completed; None where a refusal takes its place."""
        admission = self.admission
        if self.public is not None:
            self._refuse_strayed()
        if admission.refusal is not None:
            return None
        admission.started = True
        if kind == "websocket.close":
            return message
        headers = list(message.get("headers", ()))
        for name, _ in headers:
            if len(name) == _LENGTH_OF_CONTENT_LENGTH and name.lower() == b"content-length":
                self._has_length = True
        headers += self._additions(nonce=True)
        if kind == "websocket.accept":
            self._arm()
        return {**message, "headers": headers}

    def _additions(self, *, nonce: bool) -> list[tuple[bytes, bytes]]:
        view = self.admission.view
        extra = self._server.response_headers(view, nonce=nonce)
        additions = [(name.encode("ascii"), value.encode("ascii")) for name, value in extra]
        return [*additions, _EXPOSED] if view.cross_origin else additions

    def _refuse_strayed(self) -> None:
        """A request let through to one public endpoint may not be answered by another that is not."""
        answering = self._scope.get("endpoint", self.public)
        if answering is not self.public and not is_public(answering):
            self.admission.refuse(NoCredentials("no access token came with the request"))

    # --- streams ---

    def _arm(self) -> None:
        token = self.admission.token
        if token is None:
            return
        self._watch = self._server.watch(self.admission.view, token)
        self._streaming = True
        self._ended_event = asyncio.Event()
        self._set_timer(self._watch)

    def _set_timer(self, watch: StreamWatch) -> None:
        self._timer = asyncio.get_running_loop().call_later(watch.wait, self._wake)

    def _wake(self) -> None:
        self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        goes_on = False
        try:
            goes_on = await self._goes_on()
        finally:  # a look that fails ends the stream
            if goes_on and self._watch is not None:
                self._set_timer(self._watch)
            else:
                await self._end()

    async def _goes_on(self) -> bool:
        watch = self._watch
        if watch is None or self.ended or watch.over:
            return False
        if watch.due:
            goes_on = await self._server.async_driver.run(watch.goes_on())
            self.admission.token = watch.token
            return goes_on and not self.ended
        return True

    async def _send_in_stream(self, message: Message) -> None:
        if not self.ended and not await self._goes_on():
            await self._end()
        if self.ended:
            raise TokenEnded("the access token of this stream has ended")
        await self._send(message)

    async def _end(self) -> None:
        """Close the stream, once."""
        if self._ended_event is None or self.ended:
            return
        self._ended_event.set()
        with contextlib.suppress(Exception):  # the client may be gone already
            if self._scope["type"] == "websocket":
                await self._send(
                    {"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "token ended"}
                )
            else:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _disconnect(self) -> Message:
        if self._scope["type"] == "websocket":
            return {"type": "websocket.disconnect", "code": POLICY_VIOLATION, "reason": "token ended"}
        return {"type": "http.disconnect"}
