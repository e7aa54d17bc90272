"""Entries that are kept until they expire, for many threads. It is not a cache: if it is full, `put` returns False.

Reads take no lock; writes do. A write removes a few expired entries, so that removal keeps pace with writing. It never
looks at all of them.

Spec: RFC 7662 4; FAPI2-SP 5.3.4-3
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from heapq import heappop, heappush
from math import ceil, isfinite
from typing import Final, Generic, TypeVar

from fapikit.forks import reset_after_fork
from fapikit.shards import Shards

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_STEP: Final = 10.0
"""Seconds. Entries that end within one step are removed together, at its end."""
_A_FEW: Final = 2
LOOKED_AT_FOR_ROOM: Final = 1000
"""So many entries at most are looked at by a write that finds no room."""
_EXPECTED: Final = 1_000_000


class KeptUntil(Generic[K, V]):
    """Entries that are kept until `ends(value)`; at most `max_entries`.

    An expired entry may still be there. So the reader has to check its expiry.
    """

    def __init__(self, ends: Callable[[V], float], max_entries: int | None = None) -> None:
        self._ends = ends
        self._max_entries = max_entries
        self._shards = Shards[K, V](_EXPECTED if max_entries is None else max_entries)
        self._count = 0
        self._ending: dict[float, list[K]] = {}
        """The keys by the end of the step in which their entries end. An entry that was rewritten is in several."""
        self._steps: list[float] = []  # the same ends, as a heap
        self.get: Callable[[K], V | None] = self._shards.get
        self.after_fork()
        reset_after_fork(self)

    def after_fork(self) -> None:
        """Make a new lock, because the old one may have been held. The entries stay."""
        self._lock = threading.Lock()

    def put(self, key: K, value: V, now: float) -> bool:
        """Write an entry, unless the existing one expires later. False if there is no room."""
        ends = self._ends(value)
        with self._lock:
            self._let_go(now, _A_FEW)
            entries = self._shards.of(key)
            held = entries.get(key)
            held_until = None if held is None else self._ends(held)
            if held_until is None:
                if self._is_full():
                    self._let_go(now, LOOKED_AT_FOR_ROOM)
                    if self._is_full():
                        return False
                self._count += 1
            elif held_until > ends:
                return True
            entries[key] = value
            if held_until != ends:
                self._remember_end(key, ends)
            return True

    def drop(self, key: K, value: V) -> None:
        """Remove the entry if it is this object: another one may have replaced it."""
        with self._lock:
            entries = self._shards.of(key)
            if entries.get(key) is value:
                del entries[key]
                self._count -= 1

    def _is_full(self) -> bool:
        return self._max_entries is not None and self._count >= self._max_entries

    def _remember_end(self, key: K, ends: float) -> None:
        if not isfinite(ends):
            return  # it is kept for ever
        step = ceil(ends / _STEP) * _STEP
        keys = self._ending.get(step)
        if keys is None:
            keys = self._ending[step] = []
            heappush(self._steps, step)
        keys.append(key)

    def _let_go(self, now: float, most: int) -> None:
        """Look at so many keys at most whose step has ended. Remove their entries, unless those end later by now."""
        while self._steps and self._steps[0] <= now:
            keys = self._ending[self._steps[0]]
            for _ in range(min(most, len(keys))):
                self._remove_ended(keys.pop(), now)
                most -= 1
            if keys:
                return
            del self._ending[heappop(self._steps)]

    def _remove_ended(self, key: K, now: float) -> None:
        entries = self._shards.of(key)
        held = entries.get(key)
        if held is not None and self._ends(held) <= now:
            del entries[key]
            self._count -= 1

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        bound = "" if self._max_entries is None else f" of {self._max_entries}"
        return f"KeptUntil({len(self)}{bound})"
