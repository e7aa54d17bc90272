"""The entries of a store in memory: a mapping that grows and lets go a few entries at a time, however many it holds.

A dict that grows copies itself, and what has ended long ago is a heap of work for whoever meets it: both would stop the
process. So the entries lie in shards of about a thousand, each with the ends of its own in order.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from heapq import heapify, heappop, heappush
from typing import Final

Entry = tuple[bytes, float]
"""The value, and when it ends."""

_SHARD_BITS: Final = 10
ENDS_AT_ONCE: Final = 64
"""So many ends does one sweep look at, at most."""
_SHARDS_A_SWEEP: Final = 16


class _Shard:
    """`ends` is a heap of (end, key): for each entry there is one that is no later than its end."""

    __slots__ = ("ends", "entries")

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.ends: list[tuple[float, str]] = []


class Entries(MutableMapping[str, Entry]):
    """`octets`: of all keys and values. Ended entries are there until they are let go."""

    __slots__ = ("_mask", "_next", "_shards", "count", "octets")

    def __init__(self, expected: int) -> None:
        """`expected`: how many entries there may be; more only make the shards larger."""
        bits = max((max(expected, 1) - 1).bit_length() - _SHARD_BITS, 0)
        self._shards = [_Shard() for _ in range(1 << bits)]
        self._mask = len(self._shards) - 1
        self._next = 0
        self.count = 0
        self.octets = 0

    def find(self, key: str) -> Entry | None:
        """Also one that has ended."""
        return self._shards[hash(key) & self._mask].entries.get(key)

    def write(self, key: str, entry: Entry, now: float) -> None:
        """Keep it, and let one or two others go that have ended: so what comes in pays for what must go out."""
        shard = self._shards[hash(key) & self._mask]
        ends = shard.ends
        if ends and ends[0][0] <= now:
            self._let_go(shard, now)
            if ends and ends[0][0] <= now:
                self._let_go(shard, now)
        before = shard.entries.get(key)
        shard.entries[key] = entry
        if before is None:
            self.count += 1
            self.octets += len(key) + len(entry[0])
        else:
            self.octets += len(entry[0]) - len(before[0])
        if before is None or entry[1] < before[1]:  # a later end is found when the earlier one has come
            heappush(ends, (entry[1], key))
            if len(ends) > 2 * len(shard.entries) + 64:  # rewritten keys leave ends behind
                shard.ends = [(end, name) for name, (_, end) in shard.entries.items()]
                heapify(shard.ends)

    def sweep(self, now: float, *, everywhere: bool = False) -> int:
        """Let a few entries go that have ended; how many ends were looked at.

        `everywhere`: look into every shard for one, where room is needed now; else into the next few.
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
        """The entry whose end has come, unless it was given a later one meanwhile."""
        _, key = heappop(shard.ends)
        entry = shard.entries.get(key)
        if entry is None:
            return
        if entry[1] <= now:
            del self[key]
        else:
            heappush(shard.ends, (entry[1], key))

    def _shard_of(self, key: str) -> _Shard:
        return self._shards[hash(key) & self._mask]
