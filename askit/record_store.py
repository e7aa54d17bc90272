"""Typed access to the records of one issuer, over the five operations of a store.

Spec: RFC 6749 10.5, 4.1.2; RFC 9700 4.2.4
Role: AS
"""

from __future__ import annotations

from askit.errors import TooLarge
from askit.record_fields import reading
from askit.records import Owners, R, Record, digest, read_stored
from askit.shares import Shares
from fapikit.stores.identity import require_memory
from fapikit.stores.protocol import Store


class Records:
    """Typed access to a store. All records of one issuer have one prefix. All methods raise StoreError."""

    def __init__(self, store: Store, issuer: str, shares: Shares, *, max_octets: int) -> None:
        """`max_octets`: the longest record. `shares`: charged for each record with owners."""
        self.store = store
        self.shares = shares
        self._max_octets = max_octets
        self._prefix = f"as:{digest(issuer)[:12]}:"

    def key(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{digest(name)}"

    async def save(self, kind: str, name: str, record: Record, ttl: float, owners: Owners = ()) -> None:
        """Raises TooLarge."""
        await self.write(kind, name, record.dump(), ttl, owners)

    async def load(self, kind: str, name: str, record: type[R]) -> R | None:
        octets = await self.read(kind, name)
        return None if octets is None else read_stored(kind, record, octets)

    async def write(self, kind: str, name: str, octets: bytes, ttl: float, owners: Owners = ()) -> None:
        """Raises TooLarge."""
        self._require_small(octets)
        key, ttl = self.key(kind, name), max(ttl, 1.0)
        await self.store.aput(key, octets, ttl)
        self.shares.charge(owners, len(key) + len(octets), ttl)

    async def read(self, kind: str, name: str) -> bytes | None:
        return await self.store.aget(self.key(kind, name))

    async def mark(
        self,
        kind: str,
        name: str,
        ttl: float,
        value: str = "1",
        *,
        owners: Owners = (),
        since: float | None = None,
    ) -> bool:
        """Write a mark. True only for the first caller.

        `since`: the earliest time at which the marked thing was made. A store that has forgotten anything since then
        raises StoreForgot.
        """
        key, ttl = self.key(kind, name), max(ttl, 1.0)
        require_memory(self.store, since)
        first = await self.store.aadd(key, value.encode(), ttl)
        require_memory(self.store, since)  # in case this was the first operation on the store
        if first:
            self.shares.charge(owners, len(key) + len(value), ttl)
        return first

    async def marked(self, kind: str, name: str) -> str | None:
        """The value of a mark, or None."""
        octets = await self.read(kind, name)
        with reading(kind):
            return None if octets is None else octets.decode()

    async def swap(
        self, kind: str, name: str, expected: bytes | None, new: bytes, ttl: float, owners: Owners = ()
    ) -> bool:
        """Replace a record. False if it was not `expected`. Raises TooLarge."""
        self._require_small(new)
        key = self.key(kind, name)
        if not await self.store.aswap(key, expected, new, ttl):
            return False
        if expected is None:
            self.shares.charge(owners, len(key) + len(new), ttl)
        return True

    async def remove(self, kind: str, name: str) -> bytes | None:
        """Remove a record. Returns what it was; nobody else gets it."""
        return await self.store.atake(self.key(kind, name))

    def _require_small(self, octets: bytes) -> None:
        if len(octets) > self._max_octets:
            raise TooLarge(
                "what would have to be stored for this is too long",
                facts={"octets": len(octets), "limit": self._max_octets},
            )
