"""This server's own keys: made at first use, kept in the store, shared by all its processes, rotated by age.

Each algorithm has a ring: the current key signs; the next one is published before it signs; a retired one stays
published until everything it signed has expired. Keys of a `jwks_file`, and signers that were passed to the server, do
not rotate here: the first of each algorithm signs.

Spec: FAPI2-SP 5.4.2a, 6.8; OIDC 10.1.1; RFC 9449 8
Role: AS
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from askit.record_fields import reading
from askit.record_store import Records
from askit.records import SigningKeys, read_stored
from fapikit import base64url
from fapikit.clock import Clock, RandomBytes
from fapikit.dpop import NonceIssuer
from fapikit.errors import ConfigurationError, StoreForgot, StoreUnavailable, UnreadableRecord, UnusableKey
from fapikit.jose.key_ring import KeyRing
from fapikit.jose.private_key import PrivateKey
from fapikit.jose.signer import Signer
from fapikit.secrets import random_token
from fapikit.stores import Seal
from fapikit.stores.identity import NEVER, when_forgot

_SECRET_OCTETS: Final = 32
KEPT_FOR: Final = 10 * 365 * 86_400.0
LOOK_AGAIN: Final = 60.0
"""Seconds until a process notices that another one has rotated. The next key is published for much longer."""
SEAL_CHANGES: Final = 3600.0
"""Anybody can have requests sealed without limit, and one key may be used for at most 2^32 random nonces."""


class ServerKeys:
    """Signing keys by algorithm, and the secret for nonces, form tokens, sealed requests and pseudonyms."""

    def __init__(
        self,
        records: Records,
        *,
        clock: Clock,
        random_bytes: RandomBytes,
        default_alg: str,
        fixed: Mapping[str, Any] | None = None,
        signers: Sequence[Signer] = (),
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
        self._kept: dict[str, SigningKeys] = {}
        self._looked_at: dict[str, float] = {}
        self._fixed = fixed is not None or bool(signers)
        self._secret: bytes | None = None
        self._agreed_at = NEVER
        self._nonces: NonceIssuer | None = None
        self._seal: tuple[int, Seal] | None = None
        if fixed is not None and signers:
            raise ConfigurationError(
                "signing.jwks_file and signers= are both given, and only one of them can sign: remove one"
            )
        if self._fixed:
            self._rings = _rings_of(signers or _read_fixed(fixed or {}))
            if default_alg not in self._rings:
                raise ConfigurationError(
                    f"signing.jwks_file or signers= has no key for signing_alg {default_alg}"
                )

    @property
    def fixed_algorithms(self) -> frozenset[str] | None:
        """The algorithms of the keys that were given; None if this server makes its own keys."""
        return frozenset(self._rings) if self._fixed else None

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
        """Let the next key sign from now on, and publish a new next key.

        Raises ConfigurationError for keys of a jwks_file.
        """
        alg = alg or self.default_alg
        await self._ring(alg)
        octets = await self._records.read("keys", alg)
        if self._fixed or octets is None:
            raise ConfigurationError(
                "the keys of signing.jwks_file or signers= do not rotate here: give others instead"
            )
        new = await self._rotated(read_stored("keys", SigningKeys, octets), alg)
        await self._records.swap("keys", alg, octets, new.dump(), KEPT_FOR)
        self._rings.pop(alg, None)
        await self._ring(alg)

    async def secret(self) -> bytes:
        """32 octets that all processes of this server share. Raises StoreError."""
        forgot_at = when_forgot(self._records.store)
        if self._secret is None or forgot_at != self._agreed_at:
            # If the store has lost the secret, write back the one of this process. The first write counts for all.
            proposed = self._secret or self._random_bytes(_SECRET_OCTETS)
            try:
                await self._records.store.aadd(self._records.key("secret", "1"), proposed, KEPT_FOR)
            except StoreForgot:
                if self._secret is None:
                    raise
                return self._secret  # the store accepts no write now; try again next time
            kept = await self._records.read("secret", "1")
            if kept is None:
                raise StoreUnavailable("the store lost this server's secret just after it was written")
            if len(kept) != _SECRET_OCTETS:
                raise UnreadableRecord(
                    "the stored record is not this server's secret", facts={"record": "secret"}
                )
            self._secret, self._agreed_at = kept, forgot_at
            self._nonces = self._seal = None
        return self._secret

    async def nonces(self) -> NonceIssuer:
        secret = await self.secret()
        if self._nonces is None:
            self._nonces = NonceIssuer((secret,))
        return self._nonces

    async def pseudonym(self, name: str) -> str:
        """Replaces an address or a name. Nobody outside can compute it, or choose a name with a certain pseudonym."""
        return (await self.mac("pseudonym", name))[:22]

    async def mac(self, purpose: str, text: str) -> str:
        """A MAC of a text for one purpose: 256 bits as base64url. Only this server can make it."""
        message = f"{purpose}\0{text}".encode()
        return base64url.encode(hmac.digest(await self.secret(), message, "sha256"))

    async def request_seal(self) -> Seal:
        """Seals the requests that browsers carry. Its key changes each hour; what it seals is valid for less."""
        hour, secret = int(self._clock() // SEAL_CHANGES), await self.secret()
        if self._seal is None or self._seal[0] != hour:
            # This hour's key seals. The previous one still opens, and the next one too, as clocks of processes differ.
            keys = [
                hmac.digest(secret, f"request seal {number}".encode(), "sha256")
                for number in (hour, hour - 1, hour + 1)
            ]
            self._seal = hour, Seal(keys, random_bytes=self._random_bytes)
        return self._seal[1]

    async def _ring(self, alg: str) -> KeyRing:
        now = self._clock()
        held = self._rings.get(alg)
        if held is not None and (self._fixed or now - self._looked_at[alg] < LOOK_AGAIN):
            return held
        if self._fixed:
            raise ConfigurationError(f"signing.jwks_file or signers= has no key for {alg}")
        octets = await self._records.read("keys", alg)
        if octets is None:
            first = self._kept.get(alg) or SigningKeys(
                current=await self._make(alg), since=now, next=await self._make(alg), retired=()
            )
            try:
                await self._records.store.aadd(self._records.key("keys", alg), first.dump(), KEPT_FOR)
            except StoreForgot:
                if held is None:
                    raise
                return held
            octets = await self._records.read("keys", alg)
        stored = read_stored("keys", SigningKeys, octets or b"")
        if now - stored.since >= self._rotate_after:
            new = await self._rotated(stored, alg)
            if await self._records.swap("keys", alg, octets, new.dump(), KEPT_FOR):
                stored = new
        ring = self._rings[alg] = _ring_of(stored)
        self._kept[alg], self._looked_at[alg] = stored, now
        return ring

    async def _rotated(self, stored: SigningKeys, alg: str) -> SigningKeys:
        now = self._clock()
        with reading("keys"):
            retired = [entry for entry in stored.retired if now < entry["until"]]
        ended = {"jwk": stored.current, "until": now + self._retire_after}
        return SigningKeys(
            current=stored.next, since=now, next=await self._make(alg), retired=(ended, *retired)
        )

    async def _make(self, alg: str) -> dict[str, Any]:
        """A new private key. An RSA key is made in a thread, because that takes long."""
        kid = random_token(self._random_bytes, 12)
        if alg.startswith(("PS", "RS")):
            return (await asyncio.to_thread(PrivateKey.generate, alg, kid=kid)).to_private_jwk()
        return PrivateKey.generate(alg, kid=kid).to_private_jwk()


def _ring_of(stored: SigningKeys) -> KeyRing:
    """Raises UnreadableRecord."""
    try:
        with reading("keys"):
            current, upcoming, *retired = (
                PrivateKey.from_jwk(jwk)
                for jwk in (stored.current, stored.next, *(entry["jwk"] for entry in stored.retired))
            )
    except UnusableKey as error:
        raise UnreadableRecord("the stored record is not a signing key", facts={"record": "keys"}) from error
    return KeyRing(current, upcoming, tuple(retired))


def _read_fixed(jwks: Mapping[str, Any]) -> list[Signer]:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ConfigurationError("signing.jwks_file must hold a JWK Set of private keys")
    return [PrivateKey.from_jwk(jwk) for jwk in keys]


def _rings_of(signers: Iterable[Signer]) -> dict[str, KeyRing]:
    by_alg: dict[str, list[Signer]] = {}
    for signer in signers:
        by_alg.setdefault(signer.alg, []).append(signer)
    return {alg: KeyRing(ring[0], None, tuple(ring[1:])) for alg, ring in by_alg.items()}
