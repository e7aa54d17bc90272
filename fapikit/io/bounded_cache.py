"""A bounded cache for many threads. Reads take no lock; writes and evictions do. Any entry may be evicted at any time.

Spec: RFC 7662 4
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from itertools import islice
from typing import Generic, TypeVar

from fapikit.forks import reset_after_fork

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """When the cache is full, first the entries with `expired(value, now)` are removed, then the oldest tenth."""

    def __init__(self, max_entries: int, expired: Callable[[V, float], bool] | None = None) -> None:
        self._max_entries = max_entries
        self._expired = expired
        self._entries: dict[K, V] = {}
        self.get: Callable[[K], V | None] = self._entries.get
        self.after_fork()
        reset_after_fork(self)

    def after_fork(self) -> None:
        """Make a new lock, because the old one may have been held. The entries stay."""
        self._lock = threading.Lock()

    def put(self, key: K, value: V, now: float) -> None:
        entries = self._entries
        with self._lock:
            if key in entries:
                del entries[key]  # so that a rewritten entry is the newest
            elif len(entries) >= self._max_entries:
                self._make_room(now)
            entries[key] = value

    def drop(self, key: K, value: V | None = None) -> None:
        """Remove the entry. With `value`, only if the entry is this object."""
        with self._lock:
            if value is None or self._entries.get(key) is value:
                self._entries.pop(key, None)

    def _make_room(self, now: float) -> None:
        if self._expired is not None:
            for key in [key for key, value in self._entries.items() if self._expired(value, now)]:
                del self._entries[key]
        surplus = len(self._entries) - self._max_entries * 9 // 10
        for key in list(islice(self._entries, max(surplus, 0))):
            del self._entries[key]

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"BoundedCache({len(self._entries)} of {self._max_entries})"
