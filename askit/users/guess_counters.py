"""Counts guesses at secrets, in the store, so for all processes together. `password_attempts` and user codes use it.

A guess is counted by a swap in the store before it is checked, and taken back if it was right. So of many guesses at
once, in any number of processes, no more than the limit are checked.

A counter that protects something named in advance has a record of its own. All other counters, which anybody can cause,
are in a table of limited size, under pseudonyms. If a row of it is full, the counter that ends first is removed.

Spec: FAPI1-BL 5.2.2-11; RFC 6749 10.10; RFC 8628 5.1
Role: AS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, NamedTuple

from askit.errors import TooManyAttempts
from askit.record_fields import reading
from askit.record_store import Records, Step
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
        found = await self._read({counter.record for counter in counters})
        for counter in counters:
            _one_more(_count(self._counts(found[counter.record]), counter), counter)

    async def add(self, *counters: Counter) -> None:
        """Count a guess. Raises TooManyAttempts if a limit is reached; StoreError."""
        await self._change(counters, _one_more)

    async def take_back(self, *counters: Counter, forgotten: Counter | None = None) -> None:
        """The guess was right, so it was none. Raises StoreError. `forgotten`: forget all guesses of this counter."""

        def without(count: int, counter: Counter) -> int:
            return 0 if counter is forgotten else count - 1

        await self._change(counters if forgotten is None else (forgotten, *counters), without)

    async def _change(self, counters: Sequence[Counter], change: Callable[[int, Counter], int]) -> None:
        """Change the counts in their order, in one trip to read them and one to write them."""
        by_record: dict[str, list[Counter]] = {}
        for counter in counters:
            by_record.setdefault(counter.record, []).append(counter)
        for _ in range(_TRIES):
            found = await self._read(by_record)
            swaps = [
                self._swapping(record, here, change, found[record]) for record, here in by_record.items()
            ]
            results = await self._records.together(*swaps)
            # The records before a lost swap have been changed.
            for record in list(by_record)[: results.count(True)]:
                del by_record[record]
            if not by_record:
                return
        raise _too_many(counters[0])

    def _swapping(
        self,
        record: str,
        counters: Sequence[Counter],
        change: Callable[[int, Counter], int],
        seen: bytes | None,
    ) -> Step[bool]:
        counts = self._counts(seen)
        for counter in counters:
            count = change(_count(counts, counter), counter)
            counts.pop(counter.name, None)
            if count > 0:
                while len(counts) >= self._row:
                    del counts[min(counts, key=lambda name: counts[name][1])]
                counts[counter.name] = (count, self._clock() + WINDOW)
        new = Counters(counts=counts).dump()
        return self._records.swapping("login-failures", record, seen, new, WINDOW)

    async def _read(self, records: Collection[str]) -> dict[str, bytes | None]:
        """Records as they are."""
        steps = [self._records.reading("login-failures", record) for record in records]
        return dict(zip(records, await self._records.together(*steps), strict=True))

    def _counts(self, seen: bytes | None) -> dict[str, tuple[int, float]]:
        """The current counts in a record by name, each with its end."""
        if seen is None:
            return {}
        kept, now = read_stored("login-failures", Counters, seen), self._clock()
        with reading("login-failures"):
            return {name: (int(n), until) for name, (n, until) in kept.counts.items() if until > now}


def _one_more(count: int, counter: Counter) -> int:
    """Raises TooManyAttempts if the limit is reached."""
    if count >= counter.limit:
        raise _too_many(counter)
    return count + 1


def _count(counts: dict[str, tuple[int, float]], counter: Counter) -> int:
    return counts.get(counter.name, (0, 0.0))[0]


def _too_many(counter: Counter) -> TooManyAttempts:
    return TooManyAttempts(f"too many wrong {counter.of}: wait five minutes")
