"""Which connections are held, and which one is closed when there is no room for a new one.

A connection waits for its peer during the handshake, until a request is complete, and between two requests. It works
while a request is answered. If there is no room for a new connection, the one that has waited longest is closed: one of
the same address if that address has used up its share, else one of the address with the most connections. A connection
that works is never closed. So neither incomplete requests nor one address can keep others out.

Role: AS
"""

from __future__ import annotations

from typing import Protocol


class Connection(Protocol):
    """One connection."""

    def give_way(self) -> None:
        """Close it at once."""


class Connections:
    """At most `most` connections, and at most `most_per_address` of one address that is not one of our proxies."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._held: dict[Connection, _Held] = {}
        self._by_address: dict[str, _Held] = {}

    def admit(self, connection: Connection, address: str, *, proxy: bool = False) -> bool:
        """Whether there is room for it now. At first it waits."""
        held = self._by_address.get(address)
        if held is not None and not proxy and len(held) >= self._most_per_address:
            if not self._give_way(held):
                return False
        elif len(self._held) >= self._most:
            crowds = (each for each in self._by_address.values() if each.waiting)
            if not self._give_way(max(crowds, key=len, default=None)):
                return False
        held = self._by_address.setdefault(address, _Held(address))
        held.waiting[connection] = None
        self._held[connection] = held
        return True

    def wait(self, connection: Connection) -> None:
        """From now on it waits for its peer."""
        held = self._held.get(connection)
        if held is not None and held.working.pop(connection, self) is None:
            held.waiting[connection] = None

    def work(self, connection: Connection) -> None:
        """Its request is complete, and is being answered."""
        held = self._held.get(connection)
        if held is not None and held.waiting.pop(connection, self) is None:
            held.working[connection] = None

    def forget(self, connection: Connection) -> None:
        """It has ended."""
        held = self._held.pop(connection, None)
        if held is None:
            return
        held.waiting.pop(connection, None)
        held.working.pop(connection, None)
        if not len(held):
            del self._by_address[held.address]

    def __len__(self) -> int:
        return len(self._held)

    def _give_way(self, held: _Held | None) -> bool:
        if held is None or not held.waiting:
            return False
        longest = next(iter(held.waiting))
        self.forget(longest)
        longest.give_way()
        return True


class _Held:
    """The connections of one address, those that wait longest first."""

    __slots__ = ("address", "waiting", "working")

    def __init__(self, address: str) -> None:
        self.address = address
        self.waiting: dict[Connection, None] = {}
        self.working: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self.waiting) + len(self.working)
