"""Which connections are held, and which one gives way where there is no place for another.

A connection waits for its peer during the handshake, until a request is all there, and between two requests; it works
while a request is being answered. For a new one the connection gives way that has waited longest: of the same address
where that has its share, else of the address that holds most. One that works never does. So neither requests that
nobody finishes nor one address keep others out.

Role: AS
"""

from __future__ import annotations

from typing import Protocol


class Connection(Protocol):
    """One connection."""

    def give_way(self) -> None:
        """End at once."""


class Connections:
    """At most `most` connections, and `most_per_address` of one address: a caller, not a proxy of ours."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._held: dict[Connection, _Held] = {}
        self._by_address: dict[str, _Held] = {}

    def admit(self, connection: Connection, address: str, *, proxy: bool = False) -> bool:
        """Whether there is a place for it now. It waits at first."""
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
        """It waits for its peer from now on."""
        held = self._held.get(connection)
        if held is not None and held.working.pop(connection, self) is None:
            held.waiting[connection] = None

    def work(self, connection: Connection) -> None:
        """Its request is all there, and is being answered."""
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
    """What one address holds, those that wait longest first."""

    __slots__ = ("address", "waiting", "working")

    def __init__(self, address: str) -> None:
        self.address = address
        self.waiting: dict[Connection, None] = {}
        self.working: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self.waiting) + len(self.working)
