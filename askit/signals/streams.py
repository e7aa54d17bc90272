"""The event stream of a receiver, as it is stored. Each receiver has one at most.

Spec: SSF 8.1.1, 8.1.2, 8.1.3
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from askit.core import Core
from askit.records import Record, read_stored
from askit.shares import Owner
from fapikit.errors import StoreUnavailable
from fapikit.signals.event_types import POLL, PUSH, SESSION_REVOKED, TOKEN_CLAIMS_CHANGE

EVENTS_SUPPORTED: Final = (SESSION_REVOKED, TOKEN_CLAIMS_CHANGE)
ENABLED: Final = "enabled"
PAUSED: Final = "paused"
DISABLED: Final = "disabled"
_LIFETIME: Final = 10 * 365 * 86_400.0
"""Seconds since its last change. A stream ends when its receiver deletes it."""
_TRIES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStream(Record):
    """`endpoint_url`, `authorization_header`: of a push stream. `removed`: subjects of which it does not want to hear.

    `verified_at`: when its receiver last asked for a verification event.
    """

    stream_id: str
    client_id: str
    method: str = POLL
    endpoint_url: str = ""
    authorization_header: str = field(default="", repr=False)
    events_requested: tuple[str, ...] | None = None
    description: str = ""
    status: str = ENABLED
    reason: str = ""
    removed: tuple[str, ...] = ()
    verified_at: float = 0.0

    @property
    def events_delivered(self) -> tuple[str, ...]:
        asked = EVENTS_SUPPORTED if self.events_requested is None else self.events_requested
        return tuple(each for each in EVENTS_SUPPORTED if each in asked)

    @property
    def pushes(self) -> bool:
        return self.method == PUSH


async def find_stream(core: Core, client_id: str) -> EventStream | None:
    """Raises StoreError."""
    return await core.records.load("event-stream", client_id, EventStream)


async def add_stream(core: Core, stream: EventStream) -> bool:
    """False if there is one already. Raises StoreError."""
    return await core.records.swap(
        "event-stream", stream.client_id, None, stream.dump(), _LIFETIME, _owners(stream)
    )


async def change_stream(
    core: Core, stream: EventStream, change: Callable[[EventStream], EventStream]
) -> EventStream | None:
    """Change the stream as it is now. None: it was deleted meanwhile. Raises StoreError, and what `change` raises."""
    for _ in range(_TRIES):
        seen = await core.records.read("event-stream", stream.client_id)
        if seen is None:
            return None
        found = read_stored("event-stream", EventStream, seen)
        if found.stream_id != stream.stream_id:
            return None
        changed = change(found)
        if await core.records.swap("event-stream", stream.client_id, seen, changed.dump(), _LIFETIME):
            return changed
    raise StoreUnavailable("too many changes of one event stream at the same time")


async def remove_stream(core: Core, stream: EventStream) -> None:
    """Raises StoreError."""
    await core.records.remove("event-stream", stream.client_id)


def _owners(stream: EventStream) -> tuple[Owner, ...]:
    return (Owner("client", stream.client_id),)


def shown(core: Core, stream: EventStream, poll_url: str) -> dict[str, Any]:
    """The stream as its receiver reads it. The authorization header of its pushes is not among it."""
    delivery = {"method": stream.method, "endpoint_url": stream.endpoint_url if stream.pushes else poll_url}
    members: dict[str, Any] = {
        "stream_id": stream.stream_id,
        "iss": core.config.issuer,
        "aud": stream.client_id,
        "events_supported": list(EVENTS_SUPPORTED),
        "events_delivered": list(stream.events_delivered),
        "delivery": delivery,
    }
    if stream.events_requested is not None:
        members["events_requested"] = list(stream.events_requested)
    if stream.description:
        members["description"] = stream.description
    if core.config.shared_signals is not None:
        members["min_verification_interval"] = int(core.config.shared_signals.verification_interval)
    return members
