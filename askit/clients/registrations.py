"""The registrations of clients that registered themselves: kept, replaced, ended, and counted.

Spec: RFC 7591 5; RFC 7592 2.2, 2.3
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from askit.clients.registration_policy import RegistrationPolicy
from askit.errors import RegistrationsFull
from askit.issuing.keys import KEPT_FOR
from askit.record_fields import reading
from fapikit import strict_json
from fapikit.errors import StoreUnavailable

if TYPE_CHECKING:
    from askit.records import Records

_TRIES: Final = 50


class Registrations:
    """Each is two records, the client and the digest of its own token, and one place of those that there are."""

    def __init__(self, records: Records, policy: RegistrationPolicy) -> None:
        self._records = records
        self._most = policy.max_clients
        self._lifetime = KEPT_FOR if policy.lifetime is None else policy.lifetime

    async def keep(self, metadata: Mapping[str, Any], token_digest: str) -> None:
        """A new one; `metadata` holds the client's id and secret. Raises RegistrationsFull, StoreError."""
        client_id = str(metadata["client_id"])
        await self._take_place(client_id)
        await self._records.write("registration", client_id, token_digest.encode(), self._lifetime)
        await self._records.write("client", client_id, strict_json.dump(metadata), self._lifetime)

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

    async def end(self, client_id: str) -> None:
        """Raises StoreError."""
        # In this order: if the store fails in between, nothing lives on that nobody could end.
        await self._records.remove("client", client_id)
        await self._records.remove("registration", client_id)
        await self._change_places(lambda taken: [name for name in taken if name != client_id])

    async def _take_place(self, client_id: str) -> None:
        def with_another(taken: list[str]) -> list[str]:
            if len(taken) >= self._most:
                raise RegistrationsFull(
                    "as many clients as this server takes have registered themselves",
                    facts={"max_clients": self._most},
                )
            return [*taken, client_id]

        try:
            await self._change_places(with_another)
        except RegistrationsFull:
            gone = await self._ended_by_themselves()
            await self._change_places(
                lambda taken: with_another([name for name in taken if name not in gone])
            )

    async def _ended_by_themselves(self) -> set[str]:
        taken = _places_in(await self._records.read("registered", ""))
        return {name for name in taken if await self._records.read("client", name) is None}

    async def _change_places(self, change: Callable[[list[str]], list[str]]) -> None:
        """Raises StoreError, and what `change` raises."""
        for _ in range(_TRIES):
            seen = await self._records.read("registered", "")
            changed = strict_json.dump({"clients": change(_places_in(seen))})
            if await self._records.swap("registered", "", seen, changed, KEPT_FOR):
                return
        raise StoreUnavailable("too many clients register at one time")


def _places_in(octets: bytes | None) -> list[str]:
    with reading("registered"):
        return [] if octets is None else list(strict_json.parse_object(octets)["clients"])
