"""The methods of `Client` and `AsyncClient` for event streams of Shared Signals.

Spec: SSF 8.1.1, 8.1.2, 8.1.4
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, TypeVar, Unpack

from fapikit.flow import Flow
from fapikit.secrets import Secret
from rpkit.api.event_streams import (
    EventStream,
    create_event_stream,
    delete_event_stream,
    event_streams,
    request_events,
    set_event_stream_status,
    verify_event_stream,
)
from rpkit.bank import Bank
from rpkit.tokens.token_set import TokenSet

T = TypeVar("T")


class NewEventStream(TypedDict, total=False):
    """The arguments of `event_streams.create_event_stream`."""

    push_endpoint: str | None
    push_authorization: Secret | None
    events_requested: Iterable[str] | None
    description: str | None
    tokens: TokenSet | None


class EventStreamMethods:
    """`Client` has them."""

    bank: Bank

    def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    def create_event_stream(self, **parameters: Unpack[NewEventStream]) -> EventStream:
        """See `event_streams.create_event_stream`: the stream that `SecurityEvents` hears."""
        return self._run(create_event_stream(self.bank, **parameters))

    def event_streams(self, *, tokens: TokenSet | None = None) -> tuple[EventStream, ...]:
        """See `event_streams.event_streams`: the streams that this client has."""
        return self._run(event_streams(self.bank, tokens=tokens))

    def request_events(
        self, stream: EventStream, events: Iterable[str], *, tokens: TokenSet | None = None
    ) -> EventStream:
        """See `event_streams.request_events`: change which events a stream delivers."""
        return self._run(request_events(self.bank, stream, events, tokens=tokens))

    def delete_event_stream(self, stream: EventStream, *, tokens: TokenSet | None = None) -> None:
        """See `event_streams.delete_event_stream`."""
        self._run(delete_event_stream(self.bank, stream, tokens=tokens))

    def set_event_stream_status(
        self, stream: EventStream, status: str, *, tokens: TokenSet | None = None
    ) -> str:
        """See `event_streams.set_event_stream_status`: enabled, paused or disabled."""
        return self._run(set_event_stream_status(self.bank, stream, status, tokens=tokens))

    def verify_event_stream(self, stream: EventStream, *, tokens: TokenSet | None = None) -> None:
        """See `event_streams.verify_event_stream`: ask for an event that shows that the stream works."""
        self._run(verify_event_stream(self.bank, stream, tokens=tokens))


class AsyncEventStreamMethods:
    """`AsyncClient` has them."""

    bank: Bank

    async def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    async def create_event_stream(self, **parameters: Unpack[NewEventStream]) -> EventStream:
        return await self._run(create_event_stream(self.bank, **parameters))

    async def event_streams(self, *, tokens: TokenSet | None = None) -> tuple[EventStream, ...]:
        return await self._run(event_streams(self.bank, tokens=tokens))

    async def request_events(
        self, stream: EventStream, events: Iterable[str], *, tokens: TokenSet | None = None
    ) -> EventStream:
        return await self._run(request_events(self.bank, stream, events, tokens=tokens))

    async def delete_event_stream(self, stream: EventStream, *, tokens: TokenSet | None = None) -> None:
        await self._run(delete_event_stream(self.bank, stream, tokens=tokens))

    async def set_event_stream_status(
        self, stream: EventStream, status: str, *, tokens: TokenSet | None = None
    ) -> str:
        return await self._run(set_event_stream_status(self.bank, stream, status, tokens=tokens))

    async def verify_event_stream(self, stream: EventStream, *, tokens: TokenSet | None = None) -> None:
        await self._run(verify_event_stream(self.bank, stream, tokens=tokens))
