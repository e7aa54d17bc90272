"""What was looked for and not there, remembered for a short while and in bounded number.

Role: C, RS, AS
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Any

from cachetools import TTLCache

from fapikit.clock import Clock
from fapikit.forks import reset_after_fork


class RecentlyAbsent:
    """At most `max_entries` keys, each for `ttl` seconds; under a flood the oldest are forgotten."""

    def __init__(self, *, max_entries: int, ttl: float, clock: Clock) -> None:
        self._keys: TTLCache[Hashable, Any] = TTLCache(max_entries, ttl, timer=clock)
        self.after_fork()
        reset_after_fork(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    def add(self, key: Hashable) -> None:
        with self._lock:
            self._keys[key] = True

    def holds(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._keys

    def __repr__(self) -> str:
        return f"RecentlyAbsent({len(self._keys)} of {self._keys.maxsize:.0f})"
