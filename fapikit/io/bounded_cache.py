"""A bounded cache for many threads. Reads take no lock; writes and evictions do. Any entry may be evicted at any time.

A write looks at few entries, however large the cache is.

Spec: RFC 7662 4
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from itertools import islice
from typing import Final, Generic, TypeVar

from fapikit.forks import reset_after_fork
from fapikit.shards import Shards

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LOOKED_AT_FOR_ROOM: Final = 2048
"""So many of the oldest entries are asked whether they have expired, where a cache is full."""


class BoundedCache(Generic[K, V]):
    """Where it is full, those of its oldest entries with `expired(value, now)` are removed, then the oldest tenth.

    A cache of more than `shards.SHARD` entries is full in one shard earlier than in another.
    """

    def __init__(self, max_entries: int, expired: Callable[[V, float], bool] | None = None) -> None:
        self._max_entries = max_entries
        self._expired = expired
        self._shards = Shards[K, V](max_entries)
        self._max_in_shard = max_entries // self._shards.count
        self.get: Callable[[K], V | None] = self._shards.get
        self.after_fork()
        reset_after_fork(self)

    def after_fork(self) -> None:
        """Make a new lock, because the old one may have been held. The entries stay."""
        self._lock = threading.Lock()

    def put(self, key: K, value: V, now: float) -> None:
        entries = self._shards.of(key)
        with self._lock:
            if key in entries:
                del entries[key]  # so that a rewritten entry is the newest
            elif len(entries) >= self._max_in_shard:
                self._make_room(entries, now)
            entries[key] = value

    def drop(self, key: K, value: V | None = None) -> None:
        """Remove the entry. With `value`, only if the entry is this object."""
        entries = self._shards.of(key)
        with self._lock:
            if value is None or entries.get(key) is value:
                entries.pop(key, None)

    def _make_room(self, entries: dict[K, V], now: float) -> None:
        if self._expired is not None:
            oldest = islice(entries.items(), LOOKED_AT_FOR_ROOM)
            for key in [key for key, value in oldest if self._expired(value, now)]:
                del entries[key]
        surplus = len(entries) - self._max_in_shard * 9 // 10
        for key in list(islice(entries, max(surplus, 0))):
            del entries[key]

    def __len__(self) -> int:
        return len(self._shards)

    def __repr__(self) -> str:
        return f"BoundedCache({len(self)} of {self._max_entries})"
