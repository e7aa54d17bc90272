"""The registrations of self-registered clients: kept, replaced and removed, and counted in all and by address.

Spec: RFC 7591 5; RFC 7592 2.2, 2.3
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from askit.clients.client import REGISTERED_FROM
from askit.clients.registration_policy import RegistrationPolicy
from askit.errors import Refused, RegistrationsFull, ShareTaken
from askit.issuing.keys import KEPT_FOR
from askit.records import Names, read_stored
from fapikit import strict_json
from fapikit.errors import StoreUnavailable

if TYPE_CHECKING:
    from askit.record_store import Records

_TRIES: Final = 50


class _Places(NamedTuple):
    """A list of clients in one record, and its maximum length."""

    kind: str
    name: str
    most: int
    full: Refused


class Registrations:
    """A registration is two records (the client, the digest of its token) and an entry on two lists: all, address."""

    def __init__(self, records: Records, policy: RegistrationPolicy, *, per_address: int) -> None:
        self._records = records
        full = RegistrationsFull(
            "the maximum number of self-registered clients is reached",
            facts={"max_clients": policy.max_clients},
        )
        self._everybody = _Places("registered", "", policy.max_clients, full)
        self._per_address = per_address
        self._lifetime = KEPT_FOR if policy.lifetime is None else policy.lifetime

    async def keep(self, metadata: Mapping[str, Any], token_digest: str) -> None:
        """Keep a new one. `metadata` has client id and secret. Raises RegistrationsFull, ShareTaken, StoreError."""
        client_id = str(metadata["client_id"])
        await self._take_place(self._everybody, client_id)
        try:
            await self._take_place(self._neighbours(metadata), client_id)
        except ShareTaken:
            await self._leave(self._everybody, client_id)
            raise
        await self._records.write("registration", client_id, token_digest.encode(), self._lifetime)
        await self._records.write("client", client_id, strict_json.dump(metadata), self._lifetime)

    async def client_ids(self) -> list[str]:
        """Of all of them, some of which may be gone. Raises StoreError."""
        return (await self._read(self._everybody))[0]

    async def token_digest(self, client_id: str) -> bytes:
        """The digest of a client's registration token; empty for an unknown client. Raises StoreError."""
        return await self._records.read("registration", client_id) or b""

    async def replace(self, seen: bytes, metadata: Mapping[str, Any], token_digest: str) -> bool:
        """Replace the metadata of a client. False if the stored record is no longer the one that was `seen`."""
        client_id = str(metadata["client_id"])
        if not await self._records.swap(
            "client", client_id, seen, strict_json.dump(metadata), self._lifetime
        ):
            return False
        await self._records.write("registration", client_id, token_digest.encode(), self._lifetime)
        return True

    async def end(self, metadata: Mapping[str, Any]) -> None:
        """Raises StoreError."""
        client_id = str(metadata["client_id"])
        # The token goes last: if the store fails in between, the client can still end the rest.
        await self._records.remove("client", client_id)
        await self._records.remove("registration", client_id)
        await self._leave(self._neighbours(metadata), client_id)
        await self._leave(self._everybody, client_id)

    def _neighbours(self, metadata: Mapping[str, Any]) -> _Places:
        """The list of the address from which a client registered."""
        address = str(metadata.get(REGISTERED_FROM, ""))
        full = ShareTaken(
            "the maximum number of clients that may register from this address is reached",
            facts={"limit": self._per_address},
        )
        return _Places("registered-from", address, self._per_address, full)

    async def _take_place(self, places: _Places, client_id: str) -> None:
        def with_another(taken: list[str]) -> list[str]:
            if len(taken) >= places.most:
                raise places.full
            return [*taken, client_id]

        try:
            await self._change(places, with_another)
        except (RegistrationsFull, ShareTaken):
            gone = await self._ended_by_themselves(places)
            await self._change(
                places, lambda taken: with_another([name for name in taken if name not in gone])
            )

    async def _leave(self, places: _Places, client_id: str) -> None:
        await self._change(places, lambda taken: [name for name in taken if name != client_id])

    async def _ended_by_themselves(self, places: _Places) -> set[str]:
        taken, _ = await self._read(places)
        return {name for name in taken if await self._records.read("client", name) is None}

    async def _change(self, places: _Places, change: Callable[[list[str]], list[str]]) -> None:
        """Raises StoreError, and what `change` raises."""
        for _ in range(_TRIES):
            taken, seen = await self._read(places)
            changed = Names(names=tuple(change(taken))).dump()
            if await self._records.swap(places.kind, places.name, seen, changed, KEPT_FOR):
                return
        raise StoreUnavailable("too many clients register at the same time")

    async def _read(self, places: _Places) -> tuple[list[str], bytes | None]:
        seen = await self._records.read(places.kind, places.name)
        return [] if seen is None else list(read_stored(places.kind, Names, seen).names), seen
