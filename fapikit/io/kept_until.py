"""Entries that are kept until they expire, for many threads. It is not a cache: if it is full, `put` returns False.

Reads take no lock; writes do.

Spec: RFC 7662 4; FAPI2-SP 5.3.4-3
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from fapikit.forks import reset_after_fork

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_SWEEP_FROM: Final = 1024
_SWEEP_EVERY: Final = 10.0
"""In seconds, while it is full. Each sweep looks at all entries, so it must not run too often."""


class KeptUntil(Generic[K, V]):
    """Entries that are kept until `ends(value)`; at most `max_entries`.

    An expired entry may still be there. So the reader has to check its expiry.
    """

    def __init__(self, ends: Callable[[V], float], max_entries: int | None = None) -> None:
        self._ends = ends
        self._max_entries = max_entries
        self._entries: dict[K, V] = {}
        self._sweep_from = _SWEEP_FROM
        self._swept_at = float("-inf")
        self.get: Callable[[K], V | None] = self._entries.get
        self.after_fork()
        reset_after_fork(self)

    def after_fork(self) -> None:
        """Make a new lock, because the old one may have been held. The entries stay."""
        self._lock = threading.Lock()

    def put(self, key: K, value: V, now: float) -> bool:
        """Write an entry, unless the existing one expires later. False if there is no room."""
        entries = self._entries
        with self._lock:  # without the lock, an entry that is written during a sweep could be lost
            held = entries.get(key)
            if held is None:
                if len(entries) >= self._sweep_from or self._is_full():
                    self._sweep(now)
                if self._is_full():
                    return False
            elif self._ends(held) > self._ends(value):
                return True
            entries[key] = value
            return True

    def drop(self, key: K, value: V) -> None:
        """Remove the entry if it is this object: another one may have replaced it."""
        with self._lock:
            if self._entries.get(key) is value:
                del self._entries[key]

    def _is_full(self) -> bool:
        return self._max_entries is not None and len(self._entries) >= self._max_entries

    def _sweep(self, now: float) -> None:
        if self._is_full() and 0 <= now - self._swept_at < _SWEEP_EVERY:
            return
        self._swept_at = now
        for key in [key for key, value in self._entries.items() if self._ends(value) <= now]:
            del self._entries[key]
        self._sweep_from = max(_SWEEP_FROM, 2 * len(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        bound = "" if self._max_entries is None else f" of {self._max_entries}"
        return f"KeptUntil({len(self._entries)}{bound})"
