"""Sealing: authenticated encryption of values that are stored, or kept in a browser, each bound to its place.

AES-256-GCM with a key that is derived from yours. The newest key seals, every key opens. A value that was sealed for
one context (a store key, the name of a cookie) does not open in another.

Spec: FAPI2-SP 5.4.1-4, 6.8; RFC 9700 4.9.3
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
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
from fapikit.stores.together import Operation, Results, atogether, require_operations, together

_VERSION: Final = b"\x01"
_KEY_ID_OCTETS: Final = 4
_NONCE_OCTETS: Final = 12
_HEAD_OCTETS: Final = 1 + _KEY_ID_OCTETS + _NONCE_OCTETS
_TAG_OCTETS: Final = 16
_SWAP_ATTEMPTS: Final = 16

assert _HEAD_OCTETS + _TAG_OCTETS <= MAX_SEAL_OCTETS  # noqa: S101 - a fact of this file


class Seal:
    """`keys`: secrets of 32 octets or more, the newest first. Remove a key when all that it sealed has expired.

    Raises ConfigurationError for other keys.
    """

    __slots__ = ("_ciphers", "_newest", "_random_bytes")

    def __init__(self, keys: Sequence[bytes], *, random_bytes: RandomBytes = system_random) -> None:
        if not all(type(key) is bytes and len(key) >= 32 for key in keys) or not keys:
            raise ConfigurationError(
                "a seal needs one or more keys, each bytes of 32 octets or more: Seal([key])",
                clause="RFC 6749 10.10",
            )
        self._ciphers = {_key_id(key): AESGCM(_derived(key, b"fapikit seal")) for key in reversed(keys)}
        self._newest = _key_id(keys[0])
        self._random_bytes = random_bytes

    def seal(self, value: bytes, context: str) -> bytes:
        """The sealed value. It opens only with the same `context`."""
        head = _VERSION + self._newest + self._random_bytes(_NONCE_OCTETS)
        cipher = self._ciphers[self._newest]
        return head + cipher.encrypt(head[-_NONCE_OCTETS:], value, head + context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """The value. Raises SealBroken if it was altered, has another context, or its key was removed."""
        head = sealed[:_HEAD_OCTETS]
        if len(sealed) < _HEAD_OCTETS + _TAG_OCTETS or head[:1] != _VERSION:
            raise SealBroken("this is not a sealed value")
        cipher = self._ciphers.get(head[1 : 1 + _KEY_ID_OCTETS])
        if cipher is None:
            raise SealBroken(
                "no key of this Seal sealed this value: keep old keys until their values have expired"
            )
        try:
            return cipher.decrypt(head[-_NONCE_OCTETS:], sealed[_HEAD_OCTETS:], head + context.encode())
        except InvalidTag as error:
            raise SealBroken("this sealed value was altered, or was sealed for another context") from error

    def seal_text(self, value: bytes, context: str) -> str:
        """The sealed value as base64url text, for a cookie or a URL."""
        return base64url.encode(self.seal(value, context))

    def open_text(self, text: str, context: str) -> bytes:
        """Open a text of `seal_text`. Raises SealBroken."""
        try:
            return self.open(base64url.decode(text), context)
        except ValueError as error:
            raise SealBroken("this is not a sealed value") from error

    def __repr__(self) -> str:
        return f"Seal({len(self._ciphers)} keys)"


class SealedStore:
    """A store that seals its values and keeps them in another store. Keys stay readable: put no secret into a key.

    Sealing the same value twice gives two different results. So `swap` opens the present value, compares it, and then
    swaps exactly that sealed value. If it was replaced in the meantime, `swap` tries again.
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

    def together(self, operations: Sequence[Operation]) -> Results:
        """Several operations. A `swap` of an existing value goes alone, because it reads the value first."""
        results: Results = []
        for part in _parts(operations):
            if len(part) == 1:
                (only,) = part
                found = [only.do(self)]
            else:
                found = self._opened(part, together(self._inner, self._sealed(part)))
            results += found
            if part[len(found) - 1].is_lost(found[-1]):
                break
        return results

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

    async def atogether(self, operations: Sequence[Operation]) -> Results:
        results: Results = []
        for part in _parts(operations):
            if len(part) == 1:
                (only,) = part
                found = [await only.ado(self)]
            else:
                found = self._opened(part, await atogether(self._inner, self._sealed(part)))
            results += found
            if part[len(found) - 1].is_lost(found[-1]):
                break
        return results

    def check(self) -> StorePromise:
        return self._inner.check() if hasattr(self._inner, "check") else UNSAID

    async def acheck(self) -> StorePromise:
        return await self._inner.acheck() if hasattr(self._inner, "acheck") else UNSAID

    @property
    def forgot_at(self) -> float:
        """When a loss of data of the inner store was last noticed; -inf: never."""
        return when_forgot(self._inner)

    def close(self) -> None:
        """Close the inner store, if it can be closed."""
        if hasattr(self._inner, "close"):
            self._inner.close()

    async def aclose(self) -> None:
        """Close the connections of the inner store for this event loop."""
        if hasattr(self._inner, "aclose"):
            await self._inner.aclose()

    def __repr__(self) -> str:
        return f"SealedStore({self._inner!r})"

    def _sealed(self, operations: Sequence[Operation]) -> list[Operation]:
        require_operations(operations)
        return [self._sealed_one(operation) for operation in operations]

    def _sealed_one(self, operation: Operation) -> Operation:
        name, key = operation.name, operation.key
        if name in ("get", "take"):
            return operation
        *_, value, ttl = operation.arguments
        sealed = self._seal.seal(value, key)
        return (
            Operation(name, key, None, sealed, ttl) if name == "swap" else Operation(name, key, sealed, ttl)
        )

    def _opened(self, operations: Sequence[Operation], results: Results) -> Results:
        return [
            self._open(operation.key, result) if operation.name in ("get", "take") else result
            for operation, result in zip(operations, results, strict=False)
        ]

    def _open(self, key: str, sealed: bytes | None) -> bytes | None:
        return None if sealed is None else self._seal.open(sealed, key)

    def _holds(self, key: str, sealed: bytes | None, expected: bytes) -> bool:
        opened = self._open(key, sealed)
        return opened is not None and hmac.compare_digest(opened, expected)


def _parts(operations: Sequence[Operation]) -> Iterator[Sequence[Operation]]:
    """The operations in parts that can go together."""
    part: list[Operation] = []
    for operation in operations:
        if operation.name == "swap" and operation.arguments[0] is not None:
            if part:
                yield part
            yield [operation]
            part = []
        else:
            part.append(operation)
    if part:
        yield part


def unsealed(store: Store) -> Store:
    """The innermost store, which keeps the sealed values: it decides which processes share them."""
    while isinstance(store, SealedStore):
        store = store._inner
    return store


def _contended() -> StoreUnavailable:
    return StoreUnavailable(
        "other processes changed this sealed value at each attempt to swap it: try again later",
        facts={"tries": _SWAP_ATTEMPTS},
    )


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"fapikit seal id" + key).digest()[:_KEY_ID_OCTETS]


def _derived(key: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(key)
