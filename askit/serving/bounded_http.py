"""uvicorn's HTTP protocol with limits on the size and the time of a head, a body and an answer.

uvicorn limits only a head that is incomplete, and lets a body that nobody reads arrive without end.

Spec: RFC 6585 5; RFC 9110 15.5.9, 15.5.14; RFC 9112 3, 7.1
Role: AS
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from askit.config.limits import Limits
from askit.serving.connections import Connection, Connections
from fapikit.io.asgi_tls import with_tls_extension

LINGERING: Final = 5.0
"""Seconds that a refused body may still arrive, so that the client can read the answer."""
_CHUNKS: Final = 2048


class BoundedParser(h11.Connection):
    """h11's parser, which refuses a head or a body over the limits. `refusal`: the status of the refusal."""

    def __init__(self, limits: Limits) -> None:
        # h11 counts only octets that are not parsed yet, together with what is between the parts.
        super().__init__(h11.SERVER, limits.header_octets + 4 * limits.headers)
        self._limits = limits
        self.refusal: HTTPStatus | None = None
        self._octets = self._chunks = 0

    def next_event(self) -> Any:
        """Raises h11.RemoteProtocolError."""
        if self.refusal is not None:
            raise h11.RemoteProtocolError("this connection was refused")
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            self.refusal = HTTPStatus(error.error_status_hint)
            raise
        if isinstance(event, h11.Request):
            self._octets = self._chunks = 0
            self._require_small_head(event)
        elif isinstance(event, h11.Data):
            self._require_small_body(event)
        return event

    def _require_small_head(self, request: h11.Request) -> None:
        headers = list(request.headers)
        octets = len(request.target) + sum(len(name) + len(value) for name, value in headers)
        if octets > self._limits.header_octets or len(headers) > self._limits.headers:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _require_small_body(self, data: h11.Data) -> None:
        """The application refuses a body that is a little too long. This refuses an endless one, or tiny chunks."""
        self._octets += len(data.data)
        self._chunks += data.chunk_start
        if self._octets > 2 * self._limits.body_octets or self._chunks > _CHUNKS:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def _refuse(self, status: HTTPStatus) -> None:
        self.refusal = status
        raise h11.RemoteProtocolError(status.phrase, error_status_hint=status)


class _Phase(Enum):
    """What a connection is doing or waiting for."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()


class BoundedHttp(H11Protocol):
    """One connection. Each phase has a deadline that received octets do not extend; uvicorn ends idle connections."""

    conn: BoundedParser

    def __init__(self, *, limits: Limits, connections: Connections, place: Connection, **given: Any) -> None:
        super().__init__(**given)
        self.conn = BoundedParser(limits)
        self._connections = connections
        self._place = place
        self._phase: tuple[_Phase, object] = (_Phase.IDLE, None)
        self._deadline: asyncio.TimerHandle | None = None
        self._seconds = {
            _Phase.HEAD: limits.header_seconds,
            _Phase.BODY: limits.body_seconds + LINGERING,
            _Phase.ANSWER: limits.answer_seconds,
        }

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app = with_tls_extension(self.app, transport)
        self._enter(_Phase.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self._connections.forget(self._place)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._phase[0] is _Phase.IDLE:
            self._enter(_Phase.HEAD)
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Overrides uvicorn's answer to a request that its parser refuses: not always 400, and not always sent."""
        if self.cycle is not None:
            self.cycle.disconnected = True  # nobody can receive the application's answer any more
            self.cycle.message_event.set()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        status = self.conn.refusal or HTTPStatus.BAD_REQUEST
        headers = [("content-type", "text/plain; charset=utf-8"), ("connection", "close")]
        for event in (
            h11.Response(status_code=status, headers=headers, reason=status.phrase.encode()),
            h11.Data(data=msg.encode("ascii")),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _look(self) -> None:
        """Determine the phase that the connection is in now."""
        their = self.conn.their_state
        if self.transport.is_closing():
            self._enter(_Phase.IDLE)
        elif their is h11.SEND_BODY:
            self._enter(_Phase.BODY)
        elif their is not h11.IDLE:
            self._enter(_Phase.ANSWER)
        elif self.conn.trailing_data[0]:
            self._enter(_Phase.HEAD)
        else:
            self._enter(_Phase.IDLE)

    def _enter(self, phase: _Phase) -> None:
        entered = phase, self.cycle  # each request has its own cycle
        if entered == self._phase:
            return
        self._stop()
        self._phase = entered
        if phase in self._seconds:
            self._deadline = self.loop.call_later(self._seconds[phase], self._place.give_way)
        if phase is _Phase.ANSWER:
            self._connections.work(self._place)
        else:
            self._connections.wait(self._place)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
