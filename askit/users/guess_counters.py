"""Counts guesses at secrets, in the store, so for all processes together. `password_attempts` and user codes use it.

A guess is counted by a swap in the store before it is checked, and taken back if it was right. So of many guesses at
once, in any number of processes, no more than the limit are checked.

A counter that protects something named in advance has a record of its own. All other counters, which anybody can cause,
are in a table of limited size, under pseudonyms. If a row of it is full, the counter that ends first is removed.

Spec: FAPI1-BL 5.2.2-11; RFC 6749 10.10; RFC 8628 5.1
Role: AS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from askit.errors import TooManyAttempts
from askit.record_fields import reading
from askit.record_store import Records
from askit.records import Counters, digest, read_stored
from fapikit.clock import Clock

WINDOW: Final = 300.0
_ROW: Final = 16
_TRIES: Final = 200
"""A lost swap means that another guess was counted."""


class Counter(NamedTuple):
    """One counter: the record it is in, its name there, and its limit. `of`: what is guessed, for the refusal."""

    record: str
    name: str
    limit: int
    of: str


class GuessCounters:
    """`pseudonym` hides what is counted, and distributes it over the table of `table_size` counters."""

    def __init__(
        self,
        records: Records,
        pseudonym: Callable[[str], Awaitable[str]],
        table_size: int,
        *,
        clock: Clock,
    ) -> None:
        self._records = records
        self._pseudonym = pseudonym
        self._clock = clock
        self._rows = max(table_size // _ROW, 1)
        self._row = min(table_size, _ROW)

    async def in_table(self, what: str, limit: int, of: str) -> Counter:
        """A counter that anybody can cause."""
        name = await self._pseudonym(what)
        return Counter(f"row {int(digest(name)[:8], 16) % self._rows}", name, limit, of)

    def of_its_own(self, record: str, limit: int, of: str) -> Counter:
        """A counter that no flood of others makes forgotten."""
        return Counter(record, "", limit, of)

    async def require_below(self, *counters: Counter) -> None:
        """Raise TooManyAttempts if a limit is reached. Nothing is counted: refused guesses use no entries."""
        for counter in counters:
            _, counts = await self._read(counter)
            if _count(counts, counter) >= counter.limit:
                raise _too_many(counter)

    async def add(self, *counters: Counter) -> None:
        """Count a guess. Raises TooManyAttempts if a limit is reached; StoreError."""
        for counter in counters:
            limit = counter.limit

            def one_more(count: int, limit: int = limit, counter: Counter = counter) -> int:
                if count >= limit:
                    raise _too_many(counter)
                return count + 1

            await self._set(counter, one_more)

    async def take_back(self, *counters: Counter) -> None:
        """The guess was right, so it was none. Raises StoreError."""
        for counter in counters:
            await self._set(counter, lambda count: count - 1)

    async def reset(self, counter: Counter) -> None:
        """Forget all guesses of this counter. Raises StoreError."""
        await self._set(counter, lambda _: 0)

    async def _set(self, counter: Counter, change: Callable[[int], int]) -> None:
        for _ in range(_TRIES):
            seen, counts = await self._read(counter)
            count = change(_count(counts, counter))
            counts.pop(counter.name, None)
            if count > 0:
                while len(counts) >= self._row:
                    del counts[min(counts, key=lambda name: counts[name][1])]
                counts[counter.name] = (count, self._clock() + WINDOW)
            new = Counters(counts=counts).dump()
            if await self._records.swap("login-failures", counter.record, seen, new, WINDOW):
                return
        raise _too_many(counter)

    async def _read(self, counter: Counter) -> tuple[bytes | None, dict[str, tuple[int, float]]]:
        """A record as it is, and its current counts by name, each with its end."""
        seen = await self._records.read("login-failures", counter.record)
        if seen is None:
            return None, {}
        kept, now = read_stored("login-failures", Counters, seen), self._clock()
        with reading("login-failures"):
            return seen, {name: (int(n), until) for name, (n, until) in kept.counts.items() if until > now}


def _count(counts: dict[str, tuple[int, float]], counter: Counter) -> int:
    return counts.get(counter.name, (0, 0.0))[0]


def _too_many(counter: Counter) -> TooManyAttempts:
    return TooManyAttempts(f"too many wrong {counter.of}: wait five minutes")
