"""Sealing: values that are stored, or handed to a browser, encrypted and bound to where they belong.

AES-256-GCM with a key derived from yours; the newest key seals, every key opens. A value sealed for one context
(a store key, a cookie's name) opens in no other.

Spec: FAPI2-SP 6.8; RFC 9700 4.9.3
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fapikit import base64url
from fapikit.clock import RandomBytes, system_random
from fapikit.errors import ConfigurationError, SealBroken, StoreUnavailable
from fapikit.stores.identity import when_forgot
from fapikit.stores.protocol import MAX_SEAL_OCTETS, UNSAID, Store, StorePromise, require_entry

_VERSION: Final = b"\x01"
_KEY_ID_OCTETS: Final = 4
_NONCE_OCTETS: Final = 12
_HEAD_OCTETS: Final = 1 + _KEY_ID_OCTETS + _NONCE_OCTETS
_TAG_OCTETS: Final = 16
_SWAP_ATTEMPTS: Final = 16

assert _HEAD_OCTETS + _TAG_OCTETS <= MAX_SEAL_OCTETS  # noqa: S101 - a fact of this file


class Seal:
    """`keys`: secrets of 32 octets or more, the newest first; drop one when all it sealed has expired.

    Raises ConfigurationError for other keys.
    """

    __slots__ = ("_ciphers", "_newest", "_random_bytes")

    def __init__(self, keys: Sequence[bytes], *, random_bytes: RandomBytes = system_random) -> None:
        if not all(type(key) is bytes and len(key) >= 32 for key in keys) or not keys:
            raise ConfigurationError(
                "a seal needs one or more keys, each bytes of 32 octets or more: Seal([key])",
                clause="FAPI2-SP 5.4.1-4",
            )
        self._ciphers = {_key_id(key): AESGCM(_derived(key, b"fapikit seal")) for key in reversed(keys)}
        self._newest = _key_id(keys[0])
        self._random_bytes = random_bytes

    def seal(self, value: bytes, context: str) -> bytes:
        """The sealed value; it opens with the same `context` only."""
        head = _VERSION + self._newest + self._random_bytes(_NONCE_OCTETS)
        cipher = self._ciphers[self._newest]
        return head + cipher.encrypt(head[-_NONCE_OCTETS:], value, head + context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """The value. Raises SealBroken if it was altered, belongs elsewhere or its key is gone."""
        head = sealed[:_HEAD_OCTETS]
        if len(sealed) < _HEAD_OCTETS + _TAG_OCTETS or head[:1] != _VERSION:
            raise SealBroken("this is no sealed value")
        cipher = self._ciphers.get(head[1 : 1 + _KEY_ID_OCTETS])
        if cipher is None:
            raise SealBroken("the key of this sealed value is gone")
        try:
            return cipher.decrypt(head[-_NONCE_OCTETS:], sealed[_HEAD_OCTETS:], head + context.encode())
        except InvalidTag as error:
            raise SealBroken("this sealed value was altered or belongs elsewhere") from error

    def seal_text(self, value: bytes, context: str) -> str:
        """The sealed value as base64url, fit for a cookie or a URL."""
        return base64url.encode(self.seal(value, context))

    def open_text(self, text: str, context: str) -> bytes:
        """Open what `seal_text` made. Raises SealBroken."""
        try:
            return self.open(base64url.decode(text), context)
        except ValueError as error:
            raise SealBroken("this is no sealed value") from error

    def __repr__(self) -> str:
        return f"Seal({len(self._ciphers)} keys)"


class SealedStore:
    """A store over another that sees sealed values only. Keys stay readable: put no secret into one.

    Sealing the same value twice gives two different ones, so `swap` opens what is there, compares, and then swaps
    exactly that sealed value: if it was replaced meanwhile the swap fails, and looks again.
    """

    def __init__(self, inner: Store, seal: Seal) -> None:
        self._inner = inner
        self._seal = seal

    def get(self, key: str) -> bytes | None:
        return self._open(key, self._inner.get(key))

    def put(self, key: str, value: bytes, ttl: float) -> None:
        self._inner.put(key, self._seal.seal(value, key), ttl)

    def take(self, key: str) -> bytes | None:
        return self._open(key, self._inner.take(key))

    def add(self, key: str, value: bytes, ttl: float) -> bool:
        return self._inner.add(key, self._seal.seal(value, key), ttl)

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        require_entry(key, new, ttl)
        sealed = self._seal.seal(new, key)
        if expected is None:
            return self._inner.swap(key, None, sealed, ttl)
        for _ in range(_SWAP_ATTEMPTS):
            present = self._inner.get(key)
            if not self._holds(key, present, expected):
                return False
            if self._inner.swap(key, present, sealed, ttl):
                return True
        raise _contended()

    async def aget(self, key: str) -> bytes | None:
        return self._open(key, await self._inner.aget(key))

    async def aput(self, key: str, value: bytes, ttl: float) -> None:
        await self._inner.aput(key, self._seal.seal(value, key), ttl)

    async def atake(self, key: str) -> bytes | None:
        return self._open(key, await self._inner.atake(key))

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
        return await self._inner.aadd(key, self._seal.seal(value, key), ttl)

    async def aswap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        require_entry(key, new, ttl)
        sealed = self._seal.seal(new, key)
        if expected is None:
            return await self._inner.aswap(key, None, sealed, ttl)
        for _ in range(_SWAP_ATTEMPTS):
            present = await self._inner.aget(key)
            if not self._holds(key, present, expected):
                return False
            if await self._inner.aswap(key, present, sealed, ttl):
                return True
        raise _contended()

    def check(self) -> StorePromise:
        return self._inner.check() if hasattr(self._inner, "check") else UNSAID

    async def acheck(self) -> StorePromise:
        return await self._inner.acheck() if hasattr(self._inner, "acheck") else UNSAID

    @property
    def forgot_at(self) -> float:
        """When the inner store was last found to have forgotten what it held; -inf: never."""
        return when_forgot(self._inner)

    def close(self) -> None:
        """Close the inner store, if it can be closed."""
        if hasattr(self._inner, "close"):
            self._inner.close()

    async def aclose(self) -> None:
        """Close what the inner store keeps open for this event loop."""
        if hasattr(self._inner, "aclose"):
            await self._inner.aclose()

    def __repr__(self) -> str:
        return f"SealedStore({self._inner!r})"

    def _open(self, key: str, sealed: bytes | None) -> bytes | None:
        return None if sealed is None else self._seal.open(sealed, key)

    def _holds(self, key: str, sealed: bytes | None, expected: bytes) -> bool:
        opened = self._open(key, sealed)
        return opened is not None and hmac.compare_digest(opened, expected)


def unsealed(store: Store) -> Store:
    """The store that keeps what is sealed: how far its entries reach is for it to say."""
    while isinstance(store, SealedStore):
        store = store._inner
    return store


def _contended() -> StoreUnavailable:
    return StoreUnavailable("a sealed value changed too often to be swapped", facts={"tries": _SWAP_ATTEMPTS})


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"fapikit seal id" + key).digest()[:_KEY_ID_OCTETS]


def _derived(key: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(key)
