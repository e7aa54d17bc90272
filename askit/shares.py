"""How much of the store each client, address and user may use, so that no one can use it up for the others.

Each record with an owner counts, in number and in octets, for its whole lifetime, even if it is removed earlier. Each
process counts only its own writes. The limit is checked once in a request, as soon as the owner is known. What the
request then leads to is always stored, so nothing that has happened is lost.

Spec: RFC 9126 2.3
Role: AS
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from math import ceil, frexp
from typing import Final, NamedTuple

from askit.errors import ShareTaken
from fapikit.clock import Clock
from fapikit.shards import Shards
from fapikit.stores import MemoryStore, Store, unsealed

_ELSEWHERE: Final = (1_000_000, 1024 * 1024 * 1024)
_PART: Final = 4
_MANY: Final = 1_000_000
"""Owners."""


class Owner(NamedTuple):
    """Whom a record belongs to. It may use one `part`-th of a client's share."""

    kind: str
    name: str
    part: int = 1


def user_owner(username: str) -> Owner:
    """Half of a client's share, so no user of a client can use up all of it."""
    return Owner("user", username, 2)


class Shares:
    """The shares of one store: `entries` and `octets` for each client."""

    def __init__(self, entries: int, octets: int, clock: Clock) -> None:
        self._entries = entries
        self._octets = octets
        self._clock = clock
        self._holdings = Shards[tuple[str, str], _Holding](_MANY)
        self._looked_at_next: deque[tuple[str, str]] = deque()

    def require(self, owners: Iterable[Owner]) -> None:
        """Raise ShareTaken if the share of an owner is used up."""
        now = self._clock()
        for owner in owners:
            held = self._holdings.get((owner.kind, owner.name))
            if held is None:
                continue
            held.let_go(now)
            if held.entries >= self._entries // owner.part or held.octets >= self._octets // owner.part:
                raise ShareTaken(
                    f"the share of this {owner.kind} is used up: retry when some of its records have expired",
                    facts={"name": owner.name, "entries": held.entries, "octets": held.octets},
                )

    def charge(self, owners: Iterable[Owner], octets: int, ttl: float) -> None:
        """Count a record of so many octets for `ttl` seconds."""
        now = self._clock()
        for owner in owners:
            name = (owner.kind, owner.name)
            held = self._holdings.get(name)
            if held is None:
                self._forget_a_few(now)
                held = self._holdings.of(name)[name] = _Holding()
                self._looked_at_next.append(name)
            held.add(octets, now, ttl)

    def _forget_a_few(self, now: float) -> None:
        """Look at two owners, each in its turn, and forget those without records. There may be very many owners."""
        for _ in range(min(2, len(self._looked_at_next))):
            name = self._looked_at_next.popleft()
            held = self._holdings[name]
            held.let_go(now)
            if held.entries:
                self._looked_at_next.append(name)
            else:
                del self._holdings.of(name)[name]


class _Holding:
    """What one owner has stored, grouped by end. No record counts more than a sixteenth of its lifetime too long."""

    __slots__ = ("_ends", "_next", "entries", "octets")

    def __init__(self) -> None:
        self.entries = self.octets = 0
        self._ends: dict[float, tuple[int, int]] = {}
        self._next = float("inf")

    def add(self, octets: int, now: float, ttl: float) -> None:
        step = 2.0 ** (frexp(ttl)[1] - 5)
        end = ceil((now + ttl) / step) * step
        entries, held = self._ends.get(end, (0, 0))
        self._ends[end] = entries + 1, held + octets
        self._next = min(self._next, end)
        self.entries += 1
        self.octets += octets

    def let_go(self, now: float) -> None:
        if now < self._next:
            return
        for end in [end for end in self._ends if end <= now]:
            entries, octets = self._ends.pop(end)
            self.entries -= entries
            self.octets -= octets
        self._next = min(self._ends, default=float("inf"))


def shares_of(store: Store, entries: int | None, octets: int | None, clock: Clock) -> Shares:
    """The configured shares; else a quarter of a store in memory, or an ample share of a store of unknown size."""
    keeper = unsealed(store)
    usual = _ELSEWHERE
    if isinstance(keeper, MemoryStore):
        usual = max(keeper.max_entries // _PART, 1), max(keeper.max_octets // _PART, 1)
    return Shares(entries or usual[0], octets or usual[1], clock)
