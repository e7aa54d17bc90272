"""This server's own keys: made at first need, kept in the store, shared by all its processes, rotated by age.

Each algorithm has a ring: the current key signs, the next is published before it signs, a retired one stays published
until what it signed has expired. Keys from a `jwks_file` are used as they stand: the first of each algorithm signs.

Spec: FAPI2-SP 5.4.2a, 6.8; OIDC 10.1.1; RFC 9449 8
Role: AS
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from askit.records import Records
from fapikit import strict_json
from fapikit.clock import Clock, RandomBytes
from fapikit.dpop import NonceIssuer
from fapikit.errors import ConfigurationError, StoreUnavailable
from fapikit.jose.key_ring import KeyRing
from fapikit.jose.private_key import PrivateKey
from fapikit.jose.signer import Signer
from fapikit.secrets import random_token

KEPT_FOR: Final = 10 * 365 * 86_400.0
LOOK_AGAIN: Final = 60.0
"""How long a process may not notice that another one rotated; the next key is published far longer."""


class ServerKeys:
    """Signing keys by algorithm, and the secret behind nonces and form tokens."""

    def __init__(
        self,
        records: Records,
        *,
        clock: Clock,
        random_bytes: RandomBytes,
        default_alg: str,
        fixed: Mapping[str, Any] | None = None,
        rotate_after: float,
        retire_after: float,
    ) -> None:
        self.default_alg = default_alg
        self._records = records
        self._clock = clock
        self._random_bytes = random_bytes
        self._rotate_after = rotate_after
        self._retire_after = retire_after
        self._rings: dict[str, KeyRing] = {}
        self._looked_at: dict[str, float] = {}
        self._fixed = fixed is not None
        self._secret: bytes | None = None
        self._nonces: NonceIssuer | None = None
        if fixed is not None:
            self._rings = _fixed_rings(fixed)
            if default_alg not in self._rings:
                raise ConfigurationError(f"signing.jwks_file has no key for signing_alg {default_alg}")

    async def signer(self, alg: str | None = None) -> Signer:
        """The key that signs with `alg` now. Raises StoreError, ConfigurationError."""
        return (await self._ring(alg or self.default_alg)).current

    async def jwks(self) -> dict[str, Any]:
        """The public keys of every algorithm in use."""
        await self._ring(self.default_alg)
        for alg in list(self._rings):
            await self._ring(alg)
        return {"keys": [jwk for ring in self._rings.values() for jwk in ring.jwks()["keys"]]}

    async def rotate(self, alg: str | None = None) -> None:
        """Let the next key sign from now on, and publish a new next one.

        Raises ConfigurationError for keys of a file.
        """
        alg = alg or self.default_alg
        await self._ring(alg)
        octets = await self._records.read("keys", alg)
        if self._fixed or octets is None:
            raise ConfigurationError("keys of signing.jwks_file are rotated in the file")
        stored = strict_json.parse_object(octets)
        new = await self._rotated(stored, alg)
        await self._records.swap("keys", alg, octets, strict_json.dump(new), KEPT_FOR)
        self._rings.pop(alg, None)
        await self._ring(alg)

    async def secret(self) -> bytes:
        """32 octets that all processes of this server share. Raises StoreError."""
        if self._secret is None:
            fresh = self._random_bytes(32)
            await self._records.store.aadd(self._records.key("secret", "1"), fresh, KEPT_FOR)
            self._secret = await self._records.read("secret", "1")
            if self._secret is None:
                raise StoreUnavailable("the store lost this server's secret at once")
        return self._secret

    async def nonces(self) -> NonceIssuer:
        if self._nonces is None:
            self._nonces = NonceIssuer((await self.secret(),))
        return self._nonces

    async def _ring(self, alg: str) -> KeyRing:
        now = self._clock()
        held = self._rings.get(alg)
        if held is not None and (self._fixed or now - self._looked_at[alg] < LOOK_AGAIN):
            return held
        if self._fixed:
            raise ConfigurationError(f"signing.jwks_file has no key for {alg}")
        octets = await self._records.read("keys", alg)
        if octets is None:
            first = {
                "current": await self._make(alg),
                "since": now,
                "next": await self._make(alg),
                "retired": [],
            }
            await self._records.store.aadd(self._records.key("keys", alg), strict_json.dump(first), KEPT_FOR)
            octets = await self._records.read("keys", alg)
        stored = strict_json.parse_object(octets or b"")
        if now - stored["since"] >= self._rotate_after:
            new = strict_json.dump(await self._rotated(stored, alg))
            if await self._records.swap("keys", alg, octets, new, KEPT_FOR):
                stored = strict_json.parse_object(new)
        ring = self._rings[alg] = _ring_of(stored)
        self._looked_at[alg] = now
        return ring

    async def _rotated(self, stored: Mapping[str, Any], alg: str) -> dict[str, Any]:
        now = self._clock()
        retired = [entry for entry in stored["retired"] if now < entry["until"]]
        return {
            "current": stored["next"],
            "since": now,
            "next": await self._make(alg),
            "retired": [{"jwk": stored["current"], "until": now + self._retire_after}, *retired],
        }

    async def _make(self, alg: str) -> dict[str, Any]:
        """A new private key; an RSA one takes long enough to be made beside the event loop."""
        kid = random_token(self._random_bytes, 12)
        if alg.startswith(("PS", "RS")):
            return (await asyncio.to_thread(PrivateKey.generate, alg, kid=kid)).to_private_jwk()
        return PrivateKey.generate(alg, kid=kid).to_private_jwk()


def _ring_of(stored: Mapping[str, Any]) -> KeyRing:
    return KeyRing(
        PrivateKey.from_jwk(stored["current"]),
        PrivateKey.from_jwk(stored["next"]),
        tuple(PrivateKey.from_jwk(entry["jwk"]) for entry in stored["retired"]),
    )


def _fixed_rings(jwks: Mapping[str, Any]) -> dict[str, KeyRing]:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ConfigurationError("signing.jwks_file must hold a JWK Set of private keys")
    by_alg: dict[str, list[Signer]] = {}
    for jwk in keys:
        key = PrivateKey.from_jwk(jwk)
        by_alg.setdefault(key.alg, []).append(key)
    return {alg: KeyRing(ring[0], None, tuple(ring[1:])) for alg, ring in by_alg.items()}
