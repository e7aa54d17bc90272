"""The keys that decrypt what clients encrypt for this server: made at first use, kept in the store, and published.


Spec: OIDC 10.2; RFC 9101 4b, 6.1; RFC 7517 4.2
Role: AS
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from askit.issuing.keys import KEPT_FOR
from askit.record_store import Records
from fapikit import strict_json
from fapikit.clock import RandomBytes
from fapikit.errors import StoreForgot, StoreUnavailable, UnreadableRecord, UnusableKey
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.secrets import random_token
from fapikit.stores.identity import when_forgot

_KIND: Final = "decryption-key"


class DecryptionKeys:
    """One key for each configured algorithm. All processes of this server have the same keys."""

    def __init__(self, records: Records, *, algorithms: tuple[str, ...], random_bytes: RandomBytes) -> None:
        self.algorithms = algorithms
        self._records = records
        self._random_bytes = random_bytes
        self._keys: dict[str, DecryptionKey] = {}
        self._agreed_at: dict[str, float] = {}

    async def all(self) -> tuple[DecryptionKey, ...]:
        """Raises StoreError."""
        return tuple([await self._key(alg) for alg in self.algorithms])

    async def jwks(self) -> list[Mapping[str, Any]]:
        """The public keys, each with `use` enc."""
        return [key.public_jwk for key in await self.all()]

    async def _key(self, alg: str) -> DecryptionKey:
        held, forgot_at = self._keys.get(alg), when_forgot(self._records.store)
        if held is not None and self._agreed_at[alg] == forgot_at:
            return held
        octets = await self._records.read(_KIND, alg)
        if octets is None:
            # If the store has lost its key, write back the one that this process still has.
            proposed = strict_json.dump((held or await self._make(alg)).to_private_jwk())
            try:
                await self._records.store.aadd(self._records.key(_KIND, alg), proposed, KEPT_FOR)
            except StoreForgot:
                if held is None:
                    raise
                return held  # the store accepts no write now; try again next time
            octets = await self._records.read(_KIND, alg)
        if octets is None:
            raise StoreUnavailable("the store lost a key of this server just after it was written")
        try:
            key = self._keys[alg] = DecryptionKey.from_jwk(strict_json.parse_object(octets))
        except (ValueError, UnusableKey) as error:
            raise UnreadableRecord(
                "the stored record is not a decryption key", facts={"record": _KIND}
            ) from error
        self._agreed_at[alg] = forgot_at
        return key

    async def _make(self, alg: str) -> DecryptionKey:
        """Makes an RSA key in a thread, because that takes long."""
        kid = random_token(self._random_bytes, 12)
        return await asyncio.to_thread(DecryptionKey.generate, alg, kid=kid)
