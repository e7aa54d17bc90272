"""The registrations of clients that registered themselves: kept, replaced, ended, and counted: in all, and by address.

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
    from askit.records import Records

_TRIES: Final = 50


class _Places(NamedTuple):
    """A list of clients, in one record, and how many may stand on it."""

    kind: str
    name: str
    most: int
    full: Refused


class Registrations:
    """Each is two records, the client and the digest of its own token, and a place on two lists: of all, by address."""

    def __init__(self, records: Records, policy: RegistrationPolicy, *, per_address: int) -> None:
        self._records = records
        full = RegistrationsFull(
            "as many clients as this server takes have registered themselves",
            facts={"max_clients": policy.max_clients},
        )
        self._everybody = _Places("registered", "", policy.max_clients, full)
        self._per_address = per_address
        self._lifetime = KEPT_FOR if policy.lifetime is None else policy.lifetime

    async def keep(self, metadata: Mapping[str, Any], token_digest: str) -> None:
        """A new one; `metadata` holds the client's id and secret. Raises RegistrationsFull, ShareTaken, StoreError."""
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
        """Of a client's own token; nothing for a client that there is none of. Raises StoreError."""
        return await self._records.read("registration", client_id) or b""

    async def replace(self, seen: bytes, metadata: Mapping[str, Any], token_digest: str) -> bool:
        """Keep other metadata of a client; False if what is kept is not what was `seen`."""
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
        # In this order: if the store fails in between, nothing lives on that nobody could end.
        await self._records.remove("client", client_id)
        await self._records.remove("registration", client_id)
        await self._leave(self._neighbours(metadata), client_id)
        await self._leave(self._everybody, client_id)

    def _neighbours(self, metadata: Mapping[str, Any]) -> _Places:
        """The places of the address that a client registered from."""
        address = str(metadata.get(REGISTERED_FROM, ""))
        full = ShareTaken(
            "as many clients as may have registered themselves from this address",
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
        raise StoreUnavailable("too many clients register at one time")

    async def _read(self, places: _Places) -> tuple[list[str], bytes | None]:
        seen = await self._records.read(places.kind, places.name)
        return [] if seen is None else list(read_stored(places.kind, Names, seen).names), seen
