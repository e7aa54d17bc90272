"""Entries in a store, in their order, for many processes: appended under numbers without gaps, removed in any order.

Who appends an entry writes it with `add` under the next number, so no two have the same. The head says about where the
entries begin and end; a process that dies after it has written its entry leaves the end behind by one. So whoever reads
looks beyond the end too, until there is nothing.

An entry that was removed or has ended leaves a gap. A number is never used again, so a gap that was seen stays one: the
head lists the first of them, and whoever reads passes over them. So a reader looks at a limited number of entries,
whatever was removed, and in which order. A removed entry leaves a mark for a while, so that a process that read the
head long ago cannot write its entry where nobody looks any more.

Spec: RFC 8936 2.4
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

from fapikit import strict_json
from fapikit.clock import Clock
from fapikit.errors import StoreUnavailable, UnreadableRecord
from fapikit.flow import Flow, store_add, store_get, store_swap, store_take
from fapikit.stores.protocol import Store

Entry: TypeAlias = tuple[int, bytes]
"""Its number and its octets."""
Run: TypeAlias = tuple[int, int]
"""Numbers from the first on, to before the second."""

_TRIES: Final = 1000
"""Another process takes a number first: then the next one is tried."""
_FIRST_RUNS: Final = 64
"""So many gaps are listed, the first ones: more than a reader crosses."""
_LONG_RUNS: Final = 64
"""And so many of the others, the longest ones, so that `left` is about right."""
_SHORT_GAP: Final = 8
"""A reader that finds fewer entries gone than this does not write it down."""
_LOOKED_AT: Final = 16
"""Whoever appends looks at so many entries at the beginning, to see whether they have ended."""
_HEAD_LIFETIME: Final = 400 * 86_400.0
"""Seconds since the last entry: longer than any entry lives."""
_REMOVED: Final = b"-"
_REMOVED_LIFETIME: Final = 600.0
"""Seconds: longer than a process takes from reading the head to writing its entry."""


class Head(NamedTuple):
    """`first`: about the first entry. `end`: about the number after the last one. `gone`: gaps in between, in order.

    `begun_at`: when the log began. Another one shows that the store had lost the log.
    """

    first: int = 0
    end: int = 0
    begun_at: float | None = None
    gone: tuple[Run, ...] = ()

    @property
    def left(self) -> int:
        """There are not more entries than this before the end."""
        return self.end - self.first - sum(after - start for start, after in self.gone)

    def may_have(self, number: int) -> bool:
        """False if no entry has this number any more."""
        return number >= self.first and not any(start <= number < after for start, after in self.gone)

    def without(self, gone: Iterable[Run]) -> Head:
        """It passes over these as well."""
        first, merged = self.first, list[Run]()
        for start, stop in sorted((*self.gone, *gone)):
            after = min(stop, self.end)  # beyond the end numbers are still to be used
            if start <= first:
                first = max(first, after)
            elif merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], after))
            else:
                merged.append((start, after))
        after_first = [run for run in merged if run[1] > first]
        by_length = sorted(after_first[_FIRST_RUNS:], key=lambda run: run[0] - run[1])
        listed = (*after_first[:_FIRST_RUNS], *sorted(by_length[:_LONG_RUNS]))
        return self._replace(first=first, gone=listed)


class Seen(NamedTuple):
    """What a look at some entries found. `after`: the number at which the next look begins. `more`: not all was seen.

    `gone`: gaps that the head does not list.
    """

    entries: list[Entry]
    after: int
    more: bool
    gone: list[Run]


class NumberedLog:
    """`key`: that of its head; its entries have keys that begin with it. All flows raise StoreError."""

    def __init__(self, store: Store, key: str, clock: Clock) -> None:
        self._store = store
        self._key = key
        self._clock = clock

    def append(self, make: Callable[[int], bytes], ttl: float) -> Flow[int]:
        """Write what `make` makes of the number of the entry. Returns the number."""
        number = (yield from self.head()).end
        for _ in range(_TRIES):
            if (yield from store_add(self._store, self._entry(number), make(number), ttl)):
                yield from self._move_end(number + 1)
                return number
            number += 1
        raise StoreUnavailable("too many entries at the same time")

    def head(self) -> Flow[Head]:
        return _head_of((yield from store_get(self._store, self._key)))

    def has(self, number: int) -> Flow[bool]:
        """Whether there are about so many entries. While the first ones are found to have ended, there are not."""
        head = yield from self.head()
        if head.left < number:
            return False
        seen = yield from self._look(head, head.first, _LOOKED_AT, _LOOKED_AT)
        if seen.gone:
            yield from self.pass_over(seen.gone)
        return not seen.gone

    def read(self, start: int, most: int, *, look_at: int) -> Flow[Seen]:
        """Up to `most` entries from this number on. It looks at no more than `look_at`."""
        head = yield from self.head()
        seen = yield from self._look(head, max(start, head.first), most, look_at)
        if sum(after - start for start, after in seen.gone) >= _SHORT_GAP:
            yield from self.pass_over(seen.gone)
        return seen

    def read_first(self, most: int, *, look_at: int) -> Flow[Seen]:
        """The same from the beginning."""
        return self.read(0, most, look_at=look_at)

    def get(self, number: int) -> Flow[bytes | None]:
        octets = yield from store_get(self._store, self._entry(number))
        return None if octets == _REMOVED else octets

    def replace(self, number: int, seen: bytes, new: bytes, ttl: float) -> Flow[bool]:
        """Write another entry in place of this one, if it is as it was seen."""
        return (yield from store_swap(self._store, self._entry(number), seen, new, ttl))

    def remove(self, number: int, seen: bytes) -> Flow[bool]:
        """Remove an entry, if it is as it was seen. Tell `pass_over` of it, of many at once."""
        return self.replace(number, seen, _REMOVED, _REMOVED_LIFETIME)

    def pass_over(self, gone: Iterable[Run]) -> Flow[None]:
        """Note that no entries are left in these gaps. If others change the head all the time, readers find out."""
        for _ in range(_LOOKED_AT):
            octets = yield from store_get(self._store, self._key)
            head = _head_of(octets)
            new = head.without(gone)
            if new == head or (yield from self._write_head(octets, new)):
                return

    def clear(self) -> Flow[None]:
        """Remove all entries. The numbers go on."""
        head = yield from self.head()
        seen = yield from self._look(head, head.first, _TRIES + head.end, _TRIES + head.end)
        for number, _ in seen.entries:
            yield from store_take(self._store, self._entry(number))
        yield from self.pass_over([(head.first, head.end)])

    def _look(self, head: Head, start: int, most: int, look_at: int) -> Flow[Seen]:
        entries: list[Entry] = []
        gone: list[Run] = []
        listed = list(reversed(head.gone))
        number = start
        for _ in range(look_at):
            while listed and listed[-1][0] <= number:
                number = max(number, listed.pop()[1])
            octets = yield from self.get(number)
            if octets is not None:
                entries.append((number, octets))
            elif number >= head.end:
                return Seen(entries, number, more=False, gone=gone)
            elif gone and gone[-1][1] == number:
                gone[-1] = (gone[-1][0], number + 1)
            else:
                gone.append((number, number + 1))
            number += 1
            if len(entries) == most:
                break
        return Seen(entries, number, more=True, gone=gone)

    def _move_end(self, end: int) -> Flow[None]:
        for _ in range(_TRIES):
            octets = yield from store_get(self._store, self._key)
            head = _head_of(octets)
            begun_at = self._clock() if head.begun_at is None else head.begun_at
            moved = head._replace(end=max(end, head.end), begun_at=begun_at)
            seen = yield from self._look(moved, moved.first, 1, _LOOKED_AT)
            if (yield from self._write_head(octets, moved.without(seen.gone))):
                return
        raise StoreUnavailable("too many entries at the same time")

    def _write_head(self, octets: bytes | None, head: Head) -> Flow[bool]:
        new = strict_json.dump(head._asdict())
        return (yield from store_swap(self._store, self._key, octets, new, _HEAD_LIFETIME))

    def _entry(self, number: int) -> str:
        return f"{self._key}:{number}"


def _head_of(octets: bytes | None) -> Head:
    if octets is None:
        return Head()
    try:
        members = strict_json.parse_object(octets)
        gone = tuple((int(start), int(after)) for start, after in members.get("gone", ()))
        return Head(int(members["first"]), int(members["end"]), float(members["begun_at"]), gone)
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableRecord("the head of a log in the store cannot be read") from error
