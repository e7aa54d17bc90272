"""Where token sets are kept between requests and processes: sealed, versioned, published by compare-and-swap.

One process at a time refreshes one set: it holds a lock made with `add`, which ends by itself, and publishes with
`swap`, so that a process that stalled cannot overwrite what another has published since.

Spec: RFC 6749 6; FAPI2-SP 5.3.3.1-6; RFC 9700 4.9.3
Role: C
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow, store_add, store_get, store_put, store_swap
from fapikit.stores.memory import MemoryStore
from fapikit.stores.protocol import Store, require_store
from fapikit.stores.sealed import Seal, SealedStore
from rpkit.tokens.token_set import TokenKey, TokenSet

TTL: Final = 90 * 86_400.0
LOCK_TTL: Final = 20.0
"""Longer than a token call may take, with its nonce retry."""

OnChange = Callable[[TokenSet], None]


class TokenStore:
    """`on_change` is told of each set that was written; `ttl` is how long a set is kept unused."""

    def __init__(
        self, store: Store, seal: Seal | None, *, on_change: OnChange | None = None, ttl: float = TTL
    ) -> None:
        """`seal` None is for a store that never leaves this process's memory."""
        if seal is not None and not isinstance(seal, Seal):
            raise ConfigurationError("TokenStore(store, seal): seal is a Seal, or None for memory")
        require_store(store)
        self._store: Store = store if seal is None else SealedStore(store, seal)
        self._on_change = on_change
        self._ttl = ttl

    @classmethod
    def in_memory(cls) -> TokenStore:
        """For one process: what was refreshed here is known here."""
        return cls(MemoryStore(), None, ttl=86_400.0)

    def load(self, key: TokenKey) -> Flow[TokenSet | None]:
        """Raises StoreError, SealBroken."""
        return _read((yield from store_get(self._store, key.store_key)))

    def save(self, tokens: TokenSet) -> Flow[None]:
        """Write a set, whatever was there: a new login replaces the old grant."""
        yield from store_put(self._store, tokens.key.store_key, tokens.to_bytes(), self._ttl)
        self._tell(tokens)

    def publish(self, tokens: TokenSet, *, expected: TokenSet | None) -> Flow[bool]:
        """Write a set only if `expected` is still what is there."""
        written = yield from store_swap(
            self._store,
            tokens.key.store_key,
            None if expected is None else expected.to_bytes(),
            tokens.to_bytes(),
            self._ttl,
        )
        if written:
            self._tell(tokens)
        return written

    def forget(self, key: TokenKey, grant: str) -> Flow[None]:
        """Forget the set of this login; one that took its place meanwhile stays."""
        stored = yield from self.load(key)
        while stored is not None and stored.grant == grant:
            if (yield from store_swap(self._store, key.store_key, stored.to_bytes(), b"", 0.001)):
                return
            stored = yield from self.load(key)

    def lock(self, key: TokenKey, holder: str) -> Flow[bool]:
        """Whether `holder` may refresh this set now."""
        return (yield from store_add(self._store, _lock_key(key), holder.encode(), LOCK_TTL))

    def unlock(self, key: TokenKey, holder: str) -> Flow[None]:
        """Give the lock back, unless it ran out and somebody else has it."""
        yield from store_swap(self._store, _lock_key(key), holder.encode(), b"", 0.001)

    def _tell(self, tokens: TokenSet) -> None:
        if self._on_change is not None:
            self._on_change(tokens)

    def __repr__(self) -> str:
        return f"TokenStore({self._store!r})"


def _read(octets: bytes | None) -> TokenSet | None:
    return TokenSet.from_bytes(octets) if octets else None  # empty: forgotten this very moment


def _lock_key(key: TokenKey) -> str:
    return f"{key.store_key}:lock"
