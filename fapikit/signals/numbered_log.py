"""Entries in a store, in their order, for many processes: appended under numbers without gaps, removed in any order.

Who appends an entry writes it with `add` under the next number, so no two have the same. The head says about where the
entries begin and end; a process that dies after it has written its entry leaves the end behind by one. So whoever reads
looks beyond the end too, until there is nothing. An entry that was removed or has ended leaves a gap, and the beginning
moves over gaps when something is appended.

Spec: RFC 8936 2.4
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from fapikit import strict_json
from fapikit.clock import Clock
from fapikit.errors import StoreUnavailable, UnreadableRecord
from fapikit.flow import Flow, store_add, store_get, store_swap, store_take
from fapikit.stores.protocol import Store

_TRIES: Final = 1000
"""Another process takes a number first: then the next one is tried."""
_LONG_GAP: Final = 32
_HEAD_LIFETIME: Final = 400 * 86_400.0
"""Seconds since the last entry: longer than any entry lives."""


class Head(NamedTuple):
    """`first`: about the first entry. `end`: about the number after the last one.

    `begun_at`: when the log began. Another one shows that the store had lost the log.
    """

    first: int = 0
    end: int = 0
    begun_at: float | None = None


class NumberedLog:
    """`key`: that of its head; its entries have keys that begin with it. All flows raise StoreError."""

    def __init__(self, store: Store, key: str, clock: Clock) -> None:
        self._store = store
        self._key = key
        self._clock = clock

    def append(self, make: Callable[[int], bytes], ttl: float, *, most: int | None = None) -> Flow[int]:
        """Write what `make` makes of the number of the entry. Returns how many old entries went, to stay at `most`."""
        head = yield from self.head()
        number = head.end
        for _ in range(_TRIES):
            if (yield from store_add(self._store, self._entry(number), make(number), ttl)):
                return (yield from self._move_head(number + 1, most))
            number += 1
        raise StoreUnavailable("too many entries at the same time")

    def head(self) -> Flow[Head]:
        return _head_of((yield from store_get(self._store, self._key)))

    def length(self) -> Flow[int]:
        """From the first entry to the end, gaps in between included."""
        found, after = yield from self.read_first(1)
        end = (yield from self.head()).end
        return max(end, after) - found[0][0] if found else 0

    def read(self, start: int, most: int) -> Flow[tuple[list[tuple[int, bytes]], int]]:
        """Up to `most` entries from this number on, with their numbers; and the number after the last one."""
        end = (yield from self.head()).end
        found: list[tuple[int, bytes]] = []
        number = start
        while len(found) < most:
            octets = yield from self.get(number)
            if octets is not None:
                found.append((number, octets))
            elif number >= end:
                break
            number += 1
        return found, number

    def read_first(self, most: int) -> Flow[tuple[list[tuple[int, bytes]], int]]:
        """The same from the beginning, which moves over a long gap."""
        head = yield from self.head()
        found, after = yield from self.read(head.first, most)
        start = found[0][0] if found else after
        if start - head.first > _LONG_GAP:
            old = yield from store_get(self._store, self._key)
            if _head_of(old) == head:
                new = strict_json.dump(head._replace(first=start)._asdict())
                yield from store_swap(self._store, self._key, old, new, _HEAD_LIFETIME)
        return found, after

    def get(self, number: int) -> Flow[bytes | None]:
        return (yield from store_get(self._store, self._entry(number)))

    def remove(self, number: int) -> Flow[None]:
        yield from store_take(self._store, self._entry(number))

    def clear(self) -> Flow[None]:
        """Remove all entries. The numbers go on."""
        head = yield from self.head()
        entries, _ = yield from self.read(head.first, max(head.end - head.first, 0) + _TRIES)
        for number, _ in entries:
            yield from self.remove(number)

    def _move_head(self, end: int, most: int | None) -> Flow[int]:
        for _ in range(_TRIES):
            octets = yield from store_get(self._store, self._key)
            head = _head_of(octets)
            first, dropped = head.first, 0
            last = max(end, head.end)
            while first < last - 1 and (yield from self.get(first)) is None:
                first += 1
            while most is not None and last - first > most:
                yield from self.remove(first)
                first, dropped = first + 1, dropped + 1
            begun_at = self._clock() if head.begun_at is None else head.begun_at
            new = strict_json.dump(Head(first, last, begun_at)._asdict())
            if (yield from store_swap(self._store, self._key, octets, new, _HEAD_LIFETIME)):
                return dropped
        raise StoreUnavailable("too many entries at the same time")

    def _entry(self, number: int) -> str:
        return f"{self._key}:{number}"


def _head_of(octets: bytes | None) -> Head:
    if octets is None:
        return Head()
    try:
        members = strict_json.parse_object(octets)
        return Head(int(members["first"]), int(members["end"]), float(members["begun_at"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableRecord("the head of a log in the store cannot be read") from error
