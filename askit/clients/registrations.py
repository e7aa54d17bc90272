"""How many clients register themselves: in all, and from one address.

Both are lists in the store, each one record of bounded length. A client that is gone without having been taken off its
lists is taken off when they are full, so no failure in between uses a place up for good.

Spec: RFC 7591 5
Role: AS
"""

from __future__ import annotations

from typing import Final

from askit.config.limits import Limits
from askit.errors import ShareTaken
from askit.issuing.keys import KEPT_FOR
from askit.records import Names, Records, digest, read_stored
from fapikit.errors import StoreUnavailable

_LIST: Final = 500
_TRIES: Final = 20


class Registrations:
    """The lists of one server. An address is known to them by a pseudonym."""

    def __init__(self, records: Records, limits: Limits) -> None:
        self._records = records
        self._limits = limits

    async def add(self, client_id: str, address: str) -> None:
        """Take a place for a client that is not yet kept. Raises ShareTaken, StoreError."""
        everybody, most = self._everybody(client_id)
        if not await self._add("registered", everybody, client_id, most):
            raise ShareTaken("as many clients have registered here as may", facts={"limit": most})
        limit = self._limits.registrations_per_address
        if not await self._add("registered-from", address, client_id, limit):
            await self._remove("registered", everybody, client_id)
            raise ShareTaken(
                "as many clients have registered from this address as may", facts={"limit": limit}
            )

    async def remove(self, client_id: str, address: str) -> None:
        """Free the place of a client that is gone. Raises StoreError."""
        await self._remove("registered-from", address, client_id)
        await self._remove("registered", self._everybody(client_id)[0], client_id)

    def _everybody(self, client_id: str) -> tuple[str, int]:
        """The name and the length of the list, of those for all clients, that this one stands on."""
        lists = -(-self._limits.registrations // _LIST)
        number = int(digest(client_id)[:8], 16) % lists
        return str(number), len(range(number, self._limits.registrations, lists))

    async def _add(self, kind: str, name: str, client_id: str, most: int) -> bool:
        for _ in range(_TRIES):
            seen, listed = await self._read(kind, name)
            if len(listed) >= most:
                listed = [known for known in listed if await self._records.read("client", known) is not None]
            if len(listed) >= most:
                return False
            if await self._swap(kind, name, seen, [*listed, client_id]):
                return True
        raise _crowded()

    async def _remove(self, kind: str, name: str, client_id: str) -> None:
        for _ in range(_TRIES):
            seen, listed = await self._read(kind, name)
            left = [known for known in listed if known != client_id]
            if left == listed or await self._swap(kind, name, seen, left):
                return
        raise _crowded()

    async def _read(self, kind: str, name: str) -> tuple[bytes | None, list[str]]:
        seen = await self._records.read(kind, name)
        return seen, [] if seen is None else list(read_stored(kind, Names, seen).names)

    async def _swap(self, kind: str, name: str, seen: bytes | None, listed: list[str]) -> bool:
        return await self._records.swap(kind, name, seen, Names(names=tuple(listed)).dump(), KEPT_FOR)


def _crowded() -> StoreUnavailable:
    return StoreUnavailable("too many registrations at one time")
