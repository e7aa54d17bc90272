"""What this process knows of the status lists: it saves work, and may be forgotten.

Role: AS
"""

from __future__ import annotations

import asyncio
from typing import Final

from askit.records import StatusEntry

_MOST: Final = 4096


class KnownList:
    """One list: whose its entries are, which tokens have ended, and the list as it was last signed."""

    __slots__ = ("ended", "entries", "gone_at", "made_at", "making", "signed")

    def __init__(self, gone_at: float) -> None:
        self.gone_at = gone_at
        self.entries: dict[int, StatusEntry] = {}
        self.ended: set[int] = set()
        self.signed: str | None = None
        self.made_at = float("-inf")
        self.making = asyncio.Lock()


class StatusCache:
    """The lists that have not ended. `nonces`: the random parts of their names."""

    def __init__(self) -> None:
        self.nonces: dict[str, str] = {}
        self._room: dict[int, int] = {}
        self._lists: dict[str, KnownList] = {}

    def known(self, name: str, gone_at: float, now: float) -> KnownList:
        """Called only for lists that exist, so nobody can fill it with others."""
        found = self._lists.get(name)
        if found is None:
            self._lists = {key: kept for key, kept in self._lists.items() if now < kept.gone_at}
            found = self._lists[name] = KnownList(gone_at)
        return found

    def first_with_room(self, end: int) -> int:
        """The number of the first list with this end that is not nearly full."""
        return self._room.get(end, 0)

    def nearly_full(self, end: int, number: int) -> None:
        self._room[end] = number + 1

    def remember_nonce(self, name: str, nonce: str, now: float) -> None:
        """A new list comes up. What belongs to lists that have ended is forgotten."""
        if len(self.nonces) >= _MOST:
            self.nonces = {}
        self.nonces[name] = nonce
        self._room = {kept: number for kept, number in self._room.items() if kept > now}
