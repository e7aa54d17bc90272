"""The entries of a store in memory: a mapping of any size that grows, and removes expired entries, in small steps.

A large dict copies itself when it grows, and removing many expired entries at once takes long. Both would stop the
process for a while. So the entries are in shards of about a thousand, each with a heap of its expiry times.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from heapq import heapify, heappop, heappush
from typing import Final

Entry = tuple[bytes, float]
"""The value, and when it expires."""

_SHARD: Final = 1024
ENDS_AT_ONCE: Final = 64
"""The limit for the expiry times that one sweep looks at."""
_SHARDS_A_SWEEP: Final = 16


class _Shard:
    """`ends` is a heap of (time, key). For each entry it has a time that is not later than the entry's expiry."""

    __slots__ = ("ends", "entries")

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.ends: list[tuple[float, str]] = []


class Entries(MutableMapping[str, Entry]):
    """`octets`: the size of all keys and values. Expired entries are included until they are removed."""

    __slots__ = ("_next", "_number", "_shards", "count", "octets")

    def __init__(self, expected: int) -> None:
        """`expected`: how many entries there may be. More entries only make the shards larger."""
        # An odd number: see `fapikit.shards`.
        self._number = -(-max(expected, 1) // _SHARD) | 1
        self._shards = [_Shard() for _ in range(self._number)]
        self._next = 0
        self.count = 0
        self.octets = 0

    def find(self, key: str) -> Entry | None:
        """The entry, or None. It may be expired."""
        return self._shards[hash(key) % self._number].entries.get(key)

    def write(self, key: str, entry: Entry, now: float, *, unless_live: bool = False) -> bool:
        """Write an entry, and remove one or two expired ones: so removal keeps pace with writing.

        `unless_live`: write nothing, and return False, where the key has an entry that has not expired.
        """
        shard = self._shards[hash(key) % self._number]
        ends = shard.ends
        if ends and ends[0][0] <= now:
            self._let_go(shard, now)
            if ends and ends[0][0] <= now:
                self._let_go(shard, now)
        entries = shard.entries
        before = entries.get(key)
        if unless_live and before is not None and before[1] > now:
            return False
        entries[key] = entry
        if before is None:
            self.count += 1
            self.octets += len(key) + len(entry[0])
        else:
            self.octets += len(entry[0]) - len(before[0])
        if before is None or entry[1] < before[1]:  # a later expiry is pushed when the earlier time has come
            heappush(ends, (entry[1], key))
            if len(ends) > 2 * len(entries) + 64:  # rewritten keys leave old times in the heap
                shard.ends = [(end, name) for name, (_, end) in entries.items()]
                heapify(shard.ends)
        return True

    def sweep(self, now: float, *, everywhere: bool = False) -> int:
        """Remove a few expired entries. Returns how many expiry times were looked at.

        `everywhere`: look into every shard, because room is needed now. Otherwise only into the next few.
        """
        looked_at = 0
        for _ in range(len(self._shards) if everywhere else min(_SHARDS_A_SWEEP, len(self._shards))):
            shard = self._shards[self._next]
            while shard.ends and shard.ends[0][0] <= now:
                if looked_at == ENDS_AT_ONCE:
                    return looked_at
                looked_at += 1
                self._let_go(shard, now)
            self._next = (self._next + 1) % len(self._shards)
        return looked_at

    def __getitem__(self, key: str) -> Entry:
        return self._shard_of(key).entries[key]

    def __setitem__(self, key: str, entry: Entry) -> None:
        self.write(key, entry, float("-inf"))

    def __delitem__(self, key: str) -> None:
        value, _ = self._shard_of(key).entries.pop(key)
        self.count -= 1
        self.octets -= len(key) + len(value)

    def __iter__(self) -> Iterator[str]:
        for shard in self._shards:
            yield from shard.entries

    def __len__(self) -> int:
        return self.count

    def _let_go(self, shard: _Shard, now: float) -> None:
        """Remove the entry with the earliest time, unless its expiry is later by now."""
        _, key = heappop(shard.ends)
        entry = shard.entries.get(key)
        if entry is None:
            return
        if entry[1] <= now:
            del self[key]
        else:
            heappush(shard.ends, (entry[1], key))

    def _shard_of(self, key: str) -> _Shard:
        return self._shards[hash(key) % self._number]
