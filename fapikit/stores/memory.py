"""A store in the memory of this process: lost at exit, bounded in entries and octets. It never evicts a live entry.

A full store raises StoreFull. So a flood of requests cannot make it lose a replay mark. An operation looks at a few
entries only, however many have expired (`entries`).
"""

from __future__ import annotations

import threading
from typing import Final

from fapikit.clock import Clock, system_clock
from fapikit.errors import StoreFull
from fapikit.forks import reset_after_fork
from fapikit.stores.entries import Entries
from fapikit.stores.protocol import StorePromise, require_entry, require_key

MAX_ENTRIES: Final = 100_000
MAX_OCTETS: Final = 64 * 1024 * 1024
_SWEEPS_FOR_ROOM: Final = 16


class MemoryStore:
    """At most `max_entries` live entries. Their keys and values have at most `max_octets` octets together.

    It is for one process: the worker processes of a server do not share it.
    """

    def __init__(
        self, *, max_entries: int = MAX_ENTRIES, max_octets: int = MAX_OCTETS, clock: Clock = system_clock
    ) -> None:
        self.max_entries = max_entries
        self.max_octets = max_octets
        self._clock = clock
        self._entries = Entries(max_entries)
        self.taken = self._entries.__len__  # with expired entries; a fast way, for use in every request
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
        entries = self._entries
        with self._lock:
            # As `_write` does, but with one look at the key: replay marks are made in every request with a proof.
            if entries.count >= self.max_entries or entries.octets + len(key) + len(value) > self.max_octets:
                if self._live(key, now) is not None:
                    return False
                self._make_room(key, value, now)
            return entries.write(key, (value, now + ttl), now, unless_live=True)

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
        """Does nothing. The entries stay."""

    async def aclose(self) -> None:
        """Does nothing. The entries stay."""

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return (
            f"MemoryStore({len(self._entries)} of {self.max_entries} entries, {self._entries.octets} octets)"
        )

    def sweep(self) -> int:
        """Remove a few expired entries. Returns how many entries are left, with expired ones."""
        with self._lock:
            self._entries.sweep(self._clock())
            return len(self._entries)

    def _live(self, key: str, now: float) -> bytes | None:
        entry = self._entries.find(key)
        return entry[0] if entry is not None and entry[1] > now else None

    def _write(self, key: str, value: bytes, ttl: float, now: float) -> None:
        entries = self._entries
        if entries.count >= self.max_entries or entries.octets + len(key) + len(value) > self.max_octets:
            self._make_room(key, value, now)
        entries.write(key, (value, now + ttl), now)

    def _make_room(self, key: str, value: bytes, now: float) -> None:
        """Remove a limited number of expired entries until this one fits. Raises StoreFull."""
        for _ in range(_SWEEPS_FOR_ROOM):
            if self._fits(key, value) or not self._entries.sweep(now, everywhere=True):
                break
        if not self._fits(key, value):
            raise StoreFull(
                "the memory store is full of live entries: raise max_entries or max_octets, or use another store",
                facts={"max_entries": self.max_entries, "max_octets": self.max_octets},
            )

    def _fits(self, key: str, value: bytes) -> bool:
        entries, before = self._entries, self._entries.find(key)
        freed = 0 if before is None else len(key) + len(before[0])
        count = entries.count + (before is None)
        return count <= self.max_entries and entries.octets - freed + len(key) + len(value) <= self.max_octets
