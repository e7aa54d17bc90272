"""The registrations of self-registered clients: kept, replaced and removed, and counted in all and by address.

Spec: RFC 7591 5; RFC 7592 2.2, 2.3
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from askit.clients.client import REGISTERED_FROM
from askit.clients.registration_policy import RegistrationPolicy
from askit.errors import Refused, RegistrationsFull, ShareTaken
from askit.issuing.keys import KEPT_FOR
from askit.records import Names, read_stored
from fapikit import strict_json
from fapikit.errors import StoreUnavailable

if TYPE_CHECKING:
    from askit.record_store import Records, Step
    from fapikit.clock import RandomBytes

_TRIES: Final = 50
_CHANGES: Final = 50
"""So many changes are remembered, for processes that look for them."""


class _List(NamedTuple):
    """The record that a list is."""

    kind: str
    name: str = ""


class _Places(NamedTuple):
    """A list of clients, and its maximum length."""

    list: _List
    most: int
    full: Refused


_CHANGED: Final = _List("registrations-changed")


class Changes(NamedTuple):
    """`client_ids`: of the changed registrations; None if there were too many, so that any may have changed.

    `latest`: names the last change, for the next call.
    """

    latest: str
    client_ids: Sequence[str] | None


class Registrations:
    """A registration is two records (the client, the digest of its token) and an entry on two lists: all, address."""

    def __init__(
        self,
        records: Records,
        policy: RegistrationPolicy,
        *,
        per_address: int,
        random_bytes: RandomBytes,
    ) -> None:
        self._records = records
        self._random_bytes = random_bytes
        full = RegistrationsFull(
            "the maximum number of self-registered clients is reached",
            facts={"max_clients": policy.max_clients},
        )
        self._everybody = _Places(_List("registered"), policy.max_clients, full)
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
        await self._records.together(
            self._token(client_id, token_digest),
            self._records.writing("client", client_id, strict_json.dump(metadata), self._lifetime),
        )
        await self._note_change(client_id)

    async def client_ids(self) -> list[str]:
        """Of all of them, some of which may be gone. Raises StoreError."""
        return (await self._read(self._everybody.list))[0]

    async def changes(self, since: str | None) -> Changes:
        """What has changed since the change of this name (`Changes.latest`). Raises StoreError."""
        changes, _ = await self._read(_CHANGED)
        latest = changes[-1] if changes else ""
        if since == latest:
            return Changes(latest, ())
        if since not in changes:
            return Changes(latest, None)
        later = changes[changes.index(since) + 1 :]
        return Changes(latest, list(dict.fromkeys(change.partition(" ")[0] for change in later)))

    async def token_digest(self, client_id: str) -> bytes:
        """The digest of a client's registration token; empty for an unknown client. Raises StoreError."""
        return await self._records.read("registration", client_id) or b""

    async def replace(self, seen: bytes, metadata: Mapping[str, Any], token_digest: str) -> bool:
        """Replace the metadata of a client. False if the stored record is no longer the one that was `seen`."""
        client_id = str(metadata["client_id"])
        new = strict_json.dump(metadata)
        swapped, *_ = await self._records.together(
            self._records.swapping("client", client_id, seen, new, self._lifetime),
            self._token(client_id, token_digest),
        )
        if not swapped:
            return False
        await self._note_change(client_id)
        return True

    async def end(self, metadata: Mapping[str, Any]) -> None:
        """Raises StoreError."""
        client_id = str(metadata["client_id"])
        # The token goes last: if the store fails in between, the client can still end the rest.
        await self._records.remove("client", client_id)
        await self._note_change(client_id)
        await self._records.remove("registration", client_id)
        await self._leave(self._neighbours(metadata), client_id)
        await self._leave(self._everybody, client_id)

    def _token(self, client_id: str, token_digest: str) -> Step[None]:
        return self._records.writing("registration", client_id, token_digest.encode(), self._lifetime)

    async def _note_change(self, client_id: str) -> None:
        change = f"{client_id} {self._random_bytes(6).hex()}"
        await self._change(_CHANGED, lambda changes: [*changes, change][-_CHANGES:])

    def _neighbours(self, metadata: Mapping[str, Any]) -> _Places:
        """The list of the address from which a client registered."""
        address = str(metadata.get(REGISTERED_FROM, ""))
        full = ShareTaken(
            "the maximum number of clients that may register from this address is reached",
            facts={"limit": self._per_address},
        )
        return _Places(_List("registered-from", address), self._per_address, full)

    async def _take_place(self, places: _Places, client_id: str) -> None:
        def with_another(taken: list[str]) -> list[str]:
            if len(taken) >= places.most:
                raise places.full
            return [*taken, client_id]

        try:
            await self._change(places.list, with_another)
        except (RegistrationsFull, ShareTaken):
            gone = await self._ended_by_themselves(places)
            await self._change(
                places.list, lambda taken: with_another([name for name in taken if name not in gone])
            )

    async def _leave(self, places: _Places, client_id: str) -> None:
        await self._change(places.list, lambda taken: [name for name in taken if name != client_id])

    async def _ended_by_themselves(self, places: _Places) -> set[str]:
        taken, _ = await self._read(places.list)
        return {name for name in taken if await self._records.read("client", name) is None}

    async def _change(self, names: _List, change: Callable[[list[str]], list[str]]) -> None:
        """Raises StoreError, and what `change` raises."""
        for _ in range(_TRIES):
            found, seen = await self._read(names)
            changed = Names(names=tuple(change(found))).dump()
            if await self._records.swap(names.kind, names.name, seen, changed, KEPT_FOR):
                return
        raise StoreUnavailable("too many clients register at the same time")

    async def _read(self, names: _List) -> tuple[list[str], bytes | None]:
        seen = await self._records.read(names.kind, names.name)
        return [] if seen is None else list(read_stored(names.kind, Names, seen).names), seen
