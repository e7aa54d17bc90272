"""A store in this process's memory: lost at exit, bounded, and it never evicts a live entry.

A full store raises StoreFull, so that a flood cannot make it forget a replay mark.
"""

from __future__ import annotations

import heapq
import threading

from fapikit.clock import Clock, system_clock
from fapikit.errors import StoreFull
from fapikit.forks import reset_after_fork
from fapikit.stores.protocol import StorePromise, require_entry, require_key


class MemoryStore:
    """At most `max_entries` live entries. One process only: workers of one server do not share it."""

    def __init__(self, *, max_entries: int = 100_000, clock: Clock = system_clock) -> None:
        self.max_entries = max_entries
        self._clock = clock
        self._entries: dict[str, tuple[bytes, float]] = {}
        self.taken = self._entries.__len__  # expired ones included; for who asks on every request
        self._expiries: list[tuple[float, str]] = []
        self._lock = threading.Lock()
        reset_after_fork(self)

    def get(self, key: str) -> bytes | None:
        require_key(key)
        with self._lock:
            return self._live(key, self._clock())

    def put(self, key: str, value: bytes, ttl: float) -> None:
        require_entry(key, value, ttl)
        with self._lock:
            self._write(key, value, ttl, self._clock())

    def take(self, key: str) -> bytes | None:
        require_key(key)
        with self._lock:
            value = self._live(key, self._clock())
            self._entries.pop(key, None)
            return value

    def add(self, key: str, value: bytes, ttl: float) -> bool:
        require_entry(key, value, ttl)
        now = self._clock()
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry[1] > now:
                return False
            self._write(key, value, ttl, now)
            return True

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        require_entry(key, new, ttl)
        with self._lock:
            now = self._clock()
            if self._live(key, now) != expected:
                return False
            self._write(key, new, ttl, now)
            return True

    async def aget(self, key: str) -> bytes | None:
        return self.get(key)

    async def aput(self, key: str, value: bytes, ttl: float) -> None:
        self.put(key, value, ttl)

    async def atake(self, key: str) -> bytes | None:
        return self.take(key)

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
        return self.add(key, value, ttl)

    async def aswap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        return self.swap(key, expected, new, ttl)

    def check(self) -> StorePromise:
        return StorePromise(shared=False, durable=False)

    async def acheck(self) -> StorePromise:
        return self.check()

    def close(self) -> None:
        """Nothing is open: entries stay."""

    async def aclose(self) -> None:
        """Nothing is open: entries stay."""

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._entries)} of {self.max_entries} entries)"

    def _live(self, key: str, now: float) -> bytes | None:
        entry = self._entries.get(key)
        return entry[0] if entry is not None and entry[1] > now else None

    def _write(self, key: str, value: bytes, ttl: float, now: float) -> None:
        entries, until = self._entries, now + ttl
        if len(entries) >= self.max_entries and key not in entries:
            self._sweep(now)
            if len(entries) >= self.max_entries:
                raise StoreFull(f"all {self.max_entries} entries of the memory store are live")
        entries[key] = (value, until)
        heapq.heappush(self._expiries, (until, key))
        if len(self._expiries) > 2 * len(entries) + 64:  # rewritten keys leave marks behind
            self._expiries = [(expiry, name) for name, (_, expiry) in entries.items()]
            heapq.heapify(self._expiries)

    def sweep(self) -> int:
        """Drop what has expired; how many entries are live."""
        with self._lock:
            self._sweep(self._clock())
            return len(self._entries)

    def _sweep(self, now: float) -> None:
        while self._expiries and self._expiries[0][0] <= now:
            _, key = heapq.heappop(self._expiries)
            entry = self._entries.get(key)
            if entry is not None and entry[1] <= now:
                del self._entries[key]
