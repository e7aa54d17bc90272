"""The outbox: what a client is still to be told of (decisions of CIBA, events of Shared Signals), until it has heard.

An entry is there before the decision or the event is. Usually the process that stored that tells it, and takes the
entry away. If that process ends, the entry becomes overdue, and some process claims it with a swap and tells it anew.
So several processes share the work, and one of them does it. A look reads a few short lists in one trip.

A list has a limited length. If it is full, the entry that was tried most often goes: that of an endpoint that is away.

Spec: CIBA 10.2c, 10.3.1a, 12
Role: AS
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from askit.log_budget import BudgetedLogger
from askit.record_fields import reading
from askit.record_store import Records
from askit.records import NoticesDue, digest, read_stored
from fapikit.clock import Clock
from fapikit.errors import FapiError, StoreUnavailable

OVERDUE_AFTER: Final = 60.0
"""Seconds: longer than one process tries to reach an endpoint. It doubles with each claim."""
LOOK_EVERY: Final = 15.0
"""Seconds."""
CLAIMS: Final = 5
"""So often an entry is claimed, unless it is patient."""
LONGEST_PAUSE: Final = 900.0
"""Seconds between two claims of a patient entry, at most."""
_LISTS: Final = 8
_LONGEST: Final = 200
_ENTRY_OCTETS: Final = 200
_AT_ONCE: Final = 50
"""Claimed of one list at one look: what one process can tell before it is overdue again."""
_TRIES: Final = 200
"""A lost swap means that another entry came or went."""

Deliver: TypeAlias = Callable[[str], Coroutine[Any, Any, bool]]


@dataclass(frozen=True, slots=True)
class _Entry:
    overdue: float
    claims: int
    until: float
    patient: bool = False

    @property
    def claimable(self) -> bool:
        return self.patient or self.claims < CLAIMS

    def claimed(self, now: float) -> _Entry:
        pause = OVERDUE_AFTER * 2 ** (min(self.claims, CLAIMS) + 1)
        if self.patient:
            pause = min(pause, LONGEST_PAUSE)
        return replace(self, overdue=now + pause, claims=self.claims + 1)


class DueNotices:
    """Nothing is looked for until somebody can deliver it (`attach`)."""

    def __init__(self, records: Records, clock: Clock, log: BudgetedLogger, *, record_octets: int) -> None:
        self._records = records
        self._clock = clock
        self._log = log
        self._longest = max(1, min(_LONGEST, record_octets // _ENTRY_OCTETS))
        self._deliver: Deliver | None = None
        self._looking: asyncio.Task[None] | None = None

    def attach(self, deliver: Deliver) -> None:
        """`deliver` gets the URI of a request, and returns whether nothing is to be told of it any more."""
        self._deliver = deliver

    async def start(self) -> None:
        """Claim what is overdue, and begin to deliver that, and to look for more."""
        if self._deliver is None or self._looking is not None:
            return
        overdue = await self._claim_overdue()
        self._looking = asyncio.get_running_loop().create_task(self._deliver_and_look(self._deliver, overdue))

    async def stop(self) -> None:
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def add(self, client_id: str, uri: str, until: float, *, patient: bool = False) -> None:
        """Note that a client is to be told of a request, which is forgotten at `until`. Raises StoreError.

        `patient`: until then it is claimed again and again. There are few of them, so a full list keeps them.
        """
        fresh = _Entry(self._clock() + OVERDUE_AFTER, 0, until, patient)

        def added(due: dict[str, _Entry]) -> None:
            if uri not in due and len(due) >= self._longest:
                dropped = max(
                    due, key=lambda each: (not due[each].patient, due[each].claims, -due[each].until)
                )
                del due[dropped]
                self._log.warning("too many clients are to be told of decisions: one is not told again")
            due[uri] = fresh

        await self._change(_list_of(client_id), added)

    async def remove(self, client_id: str, uri: str) -> None:
        """The client has heard. Raises StoreError."""
        await self._remove(_list_of(client_id), uri)

    async def _remove(self, name: str, uri: str) -> None:
        await self._change(name, lambda due: due.pop(uri, None))

    async def _deliver_and_look(self, deliver: Deliver, overdue: list[tuple[str, str]]) -> None:
        while True:
            for name, uri in overdue:
                try:
                    if await deliver(uri):
                        await self._remove(name, uri)
                except Exception as error:  # noqa: BLE001 - one request must not end the look for all
                    self._log.warning("a client is not told of a decision yet: %s", error)
            await asyncio.sleep(LOOK_EVERY)
            overdue = await self._claim_overdue()

    async def _claim_overdue(self) -> list[tuple[str, str]]:
        """The list and the URI of each entry that is this process's to deliver."""
        names, claimed = [str(number) for number in range(_LISTS)], list[tuple[str, str]]()
        try:
            lists = await self._records.together(
                *(self._records.reading("notices-due", name) for name in names)
            )
        except FapiError:  # the store does not answer: the next look asks again
            return []
        for name, stored in zip(names, lists, strict=True):
            try:
                if any(entry.overdue <= self._clock() for entry in _entries(stored).values()):
                    claimed += [(name, uri) for uri in await self._claim(name)]
            except FapiError as error:
                self._log.warning("clients are not told of decisions yet: %s", error)
        return claimed

    async def _claim(self, name: str) -> list[str]:
        claimed: list[str] = []

        def claim(due: dict[str, _Entry]) -> None:
            now = self._clock()
            for uri in [uri for uri, entry in due.items() if entry.until <= now or not entry.claimable]:
                if due[uri].overdue <= now:
                    del due[uri]
            overdue = sorted((entry.overdue, uri) for uri, entry in due.items() if entry.overdue <= now)
            claimed[:] = [uri for _, uri in overdue[:_AT_ONCE]]
            for uri in claimed:
                due[uri] = due[uri].claimed(now)

        await self._change(name, claim)
        return claimed

    async def _change(self, name: str, change: Callable[[dict[str, _Entry]], object]) -> None:
        for _ in range(_TRIES):
            seen = await self._records.read("notices-due", name)
            due = _entries(seen)
            before = dict(due)
            change(due)
            if due == before:
                return
            last = max((entry.until for entry in due.values()), default=0.0)
            listed = {uri: _stored(entry) for uri, entry in due.items()}
            new = NoticesDue(notices=listed).dump()
            if await self._records.swap("notices-due", name, seen, new, max(last - self._clock(), 1.0)):
                return
        raise StoreUnavailable("too many decisions at the same time")


def _list_of(client_id: str) -> str:
    """One client fills one list at most."""
    return str(int(digest(client_id)[:8], 16) % _LISTS)


def _entries(stored: bytes | None) -> dict[str, _Entry]:
    if stored is None:
        return {}
    listed: Mapping[str, Any] = read_stored("notices-due", NoticesDue, stored).notices
    with reading("notices-due"):
        return {
            uri: _Entry(float(overdue), int(claims), float(until), bool(patient))
            for uri, (overdue, claims, until, *patient) in listed.items()
        }


def _stored(entry: _Entry) -> tuple[Any, ...]:
    return (entry.overdue, entry.claims, entry.until, *([True] if entry.patient else []))
