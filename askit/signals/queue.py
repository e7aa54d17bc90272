"""The events that a receiver has not acknowledged: in the store, in their order, and of limited number and time.

The `jti` of an event begins with its number in the queue. So an acknowledgement finds it at once.

Whoever causes events has a share of the queue. A newer event of the same kind about the same subject says all that the
older one said, so it takes its place. If a share or the whole queue is full, the oldest event of the same cause gives
way; only if there is none, the oldest of all. The receiver learns of a loss: an event about the stream says so, where
the lost event was.

Spec: RFC 8936 2.2, 2.4; RFC 8417 2.2; SSF 8.1.5
Role: AS
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from askit.config.shared_signals import SharedSignals
from askit.core import Core
from askit.signals.event_token import event_claims
from askit.signals.shares import THE_STREAM, Cause, Waiting, dump_share, name_of_event, read_share
from askit.signals.streams import EventStream
from fapikit import strict_json
from fapikit.errors import UnreadableRecord
from fapikit.flow import Flow, store_get, store_swap
from fapikit.secrets import random_token
from fapikit.signals.event_types import STREAM_UPDATED
from fapikit.signals.numbered_log import NumberedLog

_JTI: Final = re.compile(r"(\d{1,15})-[A-Za-z0-9_-]{22}\Z")
_LOST: Final = {
    "status": "enabled",
    "reason": "events were dropped, because more happened than are kept until they are fetched",
}
_TRIES: Final = 50
_LOOKED_AT: Final = 8
"""Of a share that is used up, so many are looked at: whether they still wait."""
_LOOK_AT: Final = 256
_LOOKS: Final = 8


class EventQueue:
    """That of one stream."""

    def __init__(self, core: Core, settings: SharedSignals, stream: EventStream) -> None:
        self._core = core
        self._settings = settings
        self._stream = stream
        self._key = core.records.key("events", stream.stream_id)
        self._store = core.records.store
        self._log = NumberedLog(self._store, self._key, core.clock)

    async def add(self, claims: Mapping[str, Any], cause: Cause, *, gives_way: bool = False) -> None:
        """Keep an event; its claims get their `jti` here. Raises StoreError.

        `gives_way`: it is not kept if the queue is half full.
        """
        await self._core.run(self._add(claims, cause, gives_way))

    async def first(self, most: int) -> tuple[list[dict[str, Any]], bool]:
        """The claims of the first events, and whether there may be more. Raises StoreError.

        However many have ended, it looks at a limited number of entries. So there may be more though none was found.
        """
        start = 0
        for _ in range(_LOOKS):
            seen = await self._core.run(self._log.read(start, most + 1, look_at=_LOOK_AT))
            if seen.entries or not seen.more:
                break
            start = seen.after
        return [_claims_of(octets) for _, octets in seen.entries[:most]], len(
            seen.entries
        ) > most or seen.more

    async def remove(self, jtis: Iterable[str]) -> set[str]:
        """The receiver has acknowledged events, or refused them. Returns those that waited. Raises StoreError."""
        return await self._core.run(self._remove(jtis))

    async def clear(self) -> None:
        """Raises StoreError."""
        await self._core.run(self._log.clear())

    def _remove(self, jtis: Iterable[str]) -> Flow[set[str]]:
        removed: dict[str, int] = {}
        for jti in jtis:
            named = _JTI.match(jti)
            if named is None:
                continue
            octets = yield from self._log.get(int(named[1]))
            # A newer event may have taken its place meanwhile, and has another jti.
            if octets is None or _claims_of(octets)["jti"] != jti:
                continue
            if (yield from self._log.remove(int(named[1]), octets)):
                removed[jti] = int(named[1])
        if removed:
            yield from self._log.pass_over([(number, number + 1) for number in removed.values()])
        return set(removed)

    def _add(self, claims: Mapping[str, Any], cause: Cause, gives_way: bool) -> Flow[None]:
        name, make = name_of_event(claims), self._writing(claims)
        share = yield from self._share(cause)
        for waiting in share:
            if waiting.name == name and (yield from self._takes_place(waiting, make)):
                return
        if gives_way and (yield from self._log.has(self._settings.longest_queue // 2)):
            yield from self._tell_of_loss(None)
            return
        yield from self._make_room(share, cause.share(self._settings))
        added = Waiting((yield from self._log.append(make, self._settings.kept)), name)
        yield from self._keep_share(cause, added)

    def _takes_place(self, waiting: Waiting, make: Callable[[int], bytes]) -> Flow[bool]:
        """Write an event in place of the one that it supersedes, if that still waits."""
        octets = yield from self._log.get(waiting.number)
        if octets is None or name_of_event(_claims_of(octets)) != waiting.name:
            return False
        new = make(waiting.number)
        return (yield from self._log.replace(waiting.number, octets, new, self._settings.kept))

    def _make_room(self, share: list[Waiting], most: int) -> Flow[None]:
        own: Waiting | None = None
        for waiting in share[:_LOOKED_AT]:
            octets = yield from self._log.get(waiting.number)
            if octets is not None and name_of_event(_claims_of(octets)) == waiting.name:
                own = waiting
                break
        looked_in_vain = share.index(own) if own is not None else min(len(share), _LOOKED_AT)
        share_is_full = own is not None and len(share) - looked_in_vain >= most
        if not share_is_full and not (yield from self._log.has(self._settings.longest_queue)):
            return
        yield from self._tell_of_loss(own.number if own is not None else (yield from self._oldest()))

    def _oldest(self) -> Flow[int | None]:
        """The number of the oldest event that is not about the stream."""
        seen = yield from self._log.read_first(_LOOKED_AT, look_at=_LOOK_AT)
        for number, octets in seen.entries:
            if STREAM_UPDATED not in _claims_of(octets)["events"]:
                return number
        return None

    def _tell_of_loss(self, number: int | None) -> Flow[None]:
        """Let this event go, or one that is not even here (None), and tell the receiver. The log says it once."""
        subject = {"format": "opaque", "id": self._stream.stream_id}
        claims = event_claims(self._core, self._stream, STREAM_UPDATED, _LOST, subject)
        name, make = name_of_event(claims), self._writing(claims)
        lost = None if number is None else (yield from self._log.get(number))
        for waiting in (yield from self._share(THE_STREAM)):
            # With another jti it stays, though the receiver may be acknowledging it just now.
            if waiting.name == name and (yield from self._takes_place(waiting, make)):
                if number is not None and lost is not None:
                    yield from self._log.remove(number, lost)
                    yield from self._log.pass_over([(number, number + 1)])
                return
        if number is None:
            told = yield from self._log.append(make, self._settings.kept)
        elif lost is None or not (
            yield from self._log.replace(number, lost, make(number), self._settings.kept)
        ):
            return  # it was taken meanwhile: nothing is lost
        else:
            told = number
        yield from self._keep_share(THE_STREAM, Waiting(told, name))
        self._core.log.error(
            "the queue of events for %s, or the share in it of who caused one, is full: an event is lost, and maybe"
            " more after it, until the receiver has heard of that",
            self._stream.client_id,
        )

    def _share(self, cause: Cause) -> Flow[list[Waiting]]:
        """The events of this cause that may still wait, the oldest first."""
        octets = yield from store_get(self._store, self._share_key(cause))
        head = yield from self._log.head()
        return [each for each in read_share(octets) if head.may_have(each.number)]

    def _keep_share(self, cause: Cause, added: Waiting) -> Flow[None]:
        """If others change it all the time, the event waits all the same, and does not count."""
        key, most = self._share_key(cause), cause.share(self._settings)
        for _ in range(_TRIES):
            octets = yield from store_get(self._store, key)
            head = yield from self._log.head()
            kept = [
                each for each in read_share(octets) if head.may_have(each.number) and each.name != added.name
            ]
            new = dump_share([*kept, added][-most - _LOOKED_AT :])
            if (yield from store_swap(self._store, key, octets, new, self._settings.kept)):
                return

    def _share_key(self, cause: Cause) -> str:
        return f"{self._key}:{cause.key}"

    def _writing(self, claims: Mapping[str, Any]) -> Callable[[int], bytes]:
        nonce = random_token(self._core.random_bytes, 16)
        return lambda number: strict_json.dump({**claims, "jti": f"{number}-{nonce}"})


def _claims_of(octets: bytes) -> dict[str, Any]:
    try:
        return strict_json.parse_object(octets)
    except ValueError as error:
        raise UnreadableRecord("a stored event cannot be read") from error
