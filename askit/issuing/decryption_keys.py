"""The keys that open what clients encrypt for this server: made at first need, kept in the store, published for
encryption.

Spec: OIDC 10.2; RFC 9101 4b, 6.1; RFC 7517 4.2
Role: AS
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from askit.issuing.keys import KEPT_FOR
from askit.records import Records
from fapikit import strict_json
from fapikit.clock import RandomBytes
from fapikit.errors import StoreUnavailable, UnreadableRecord, UnusableKey
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.secrets import random_token

_KIND: Final = "decryption-key"


class DecryptionKeys:
    """One key for each algorithm of the configuration, the same in all processes of this server."""

    def __init__(self, records: Records, *, algorithms: tuple[str, ...], random_bytes: RandomBytes) -> None:
        self.algorithms = algorithms
        self._records = records
        self._random_bytes = random_bytes
        self._keys: dict[str, DecryptionKey] = {}

    async def all(self) -> tuple[DecryptionKey, ...]:
        """Raises StoreError."""
        return tuple([await self._key(alg) for alg in self.algorithms])

    async def jwks(self) -> list[Mapping[str, Any]]:
        """The public keys, each with `use` enc."""
        return [key.public_jwk for key in await self.all()]

    async def _key(self, alg: str) -> DecryptionKey:
        held = self._keys.get(alg)
        if held is not None:
            return held
        octets = await self._records.read(_KIND, alg)
        if octets is None:
            kid = random_token(self._random_bytes, 12)
            # An RSA key takes long enough to be made beside the event loop.
            fresh = await asyncio.to_thread(DecryptionKey.generate, alg, kid=kid)
            made = strict_json.dump(fresh.to_private_jwk())
            await self._records.store.aadd(self._records.key(_KIND, alg), made, KEPT_FOR)
            octets = await self._records.read(_KIND, alg)
        if octets is None:
            raise StoreUnavailable("the store lost a key of this server at once")
        try:
            key = self._keys[alg] = DecryptionKey.from_jwk(strict_json.parse_object(octets))
        except (ValueError, UnusableKey) as error:
            raise UnreadableRecord(
                "what the store holds is no decryption key", facts={"record": _KIND}
            ) from error
        return key
