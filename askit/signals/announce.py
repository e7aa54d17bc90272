"""Tells receivers what has happened: an event goes into the queue of each that may hear of it.

It goes there before what it tells of is done. So a process that dies in between has told too much, never too little;
and what cannot be told is not done. But anybody may end what is theirs as often as they like, and must not push out of
a queue what others have to be told: each event uses the share of whoever caused it (`shares`), and once a queue is half
full, the ends of single tokens are not told. Deliveries begin afterwards, in the background: `begin_push`.

Spec: SSF 8.1.2, 8.1.3; CAEP 2; RFC 8417 2.2
Role: AS
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from askit.core import Core
from askit.signals.event_token import event_claims
from askit.signals.happened import Happened
from askit.signals.push import begin_push, note_due
from askit.signals.queue import EventQueue
from askit.signals.streams import DISABLED, EventStream, find_stream
from fapikit import strict_json
from fapikit.secrets import random_token


class Announced:
    """The streams that have something to deliver now."""

    def __init__(self, core: Core, streams: tuple[EventStream, ...] = ()) -> None:
        self._core = core
        self._streams = streams

    async def deliver(self) -> None:
        """Begin to push what was announced. It raises nothing."""
        for stream in self._streams:
            await begin_push(self._core, stream.client_id)


async def announce(core: Core, *happened: Happened) -> Announced:
    """Queue the events of what is about to be done. Raises StoreError."""
    settings = core.config.shared_signals
    if settings is None:
        return Announced(core)
    told = []
    for receiver in settings.receivers:
        stream = None
        for each in happened:
            for subject in each.subjects(core, receiver):
                stream = stream or await find_stream(core, receiver.client_id)
                if stream is None or stream.status == DISABLED:
                    break
                if each.kind in stream.events_delivered and name_of(subject) not in stream.removed:
                    await queue_event(core, stream, each, subject)
                    told.append(stream)
    streams = {stream.stream_id: stream for stream in told if stream.pushes}
    for stream in streams.values():
        await note_due(core, stream.client_id)
    return Announced(core, tuple(streams.values()))


async def queue_event(
    core: Core, stream: EventStream, happened: Happened, subject: Mapping[str, Any]
) -> None:
    """Each event has a `txn` of its own: one for all would tell two sectors that they have the same user."""
    settings = core.config.shared_signals
    assert settings is not None  # noqa: S101 - a stream exists only with it
    now = int(core.clock())
    members = {"event_timestamp": now - happened.happened_before, **happened.members}
    txn = random_token(core.random_bytes, 16)
    claims = event_claims(core, stream, happened.kind, members, subject) | {"txn": txn}
    queue = EventQueue(core, settings, stream)
    await queue.add(claims, happened.caused_by, gives_way=happened.gives_way)


def name_of(subject: Mapping[str, Any]) -> str:
    """A short name by which the user of a subject is compared; the subject itself if it names no user."""
    user = subject.get("user", subject)
    members = dict(sorted(user.items()))
    return hashlib.sha256(strict_json.dump(members)).hexdigest()[:32]
