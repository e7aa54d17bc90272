"""The store of token sets between requests and processes: sealed, versioned, published by compare-and-swap.

One process at a time refreshes a set. It holds a lock, made with `add`, that expires by itself. It publishes with
`swap`. So a process that stalled cannot overwrite a newer set that another process has published.

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
"""In seconds: longer than a token request may take, together with its nonce retry."""

OnChange = Callable[[TokenSet], None]


class TokenStore:
    """`on_change` is called with each set that was written. `ttl`: the seconds that an unused set is kept."""

    def __init__(
        self, store: Store, seal: Seal | None, *, on_change: OnChange | None = None, ttl: float = TTL
    ) -> None:
        """`seal` may be None only for a store in the memory of this process."""
        if seal is not None and not isinstance(seal, Seal):
            raise ConfigurationError(
                "the second argument of TokenStore must be a Seal([key]), or None for a MemoryStore"
            )
        require_store(store)
        self._store: Store = store if seal is None else SealedStore(store, seal)
        self._on_change = on_change
        self._ttl = ttl

    @classmethod
    def in_memory(cls) -> TokenStore:
        """A store for one process. Other processes do not see its sets."""
        return cls(MemoryStore(), None, ttl=86_400.0)

    def load(self, key: TokenKey) -> Flow[TokenSet | None]:
        """Raises StoreError, SealBroken."""
        return _read((yield from store_get(self._store, key.store_key)))

    def save(self, tokens: TokenSet) -> Flow[None]:
        """Write a set over any other: a new login replaces the old grant."""
        yield from store_put(self._store, tokens.key.store_key, tokens.to_bytes(), self._ttl)
        self._tell(tokens)

    def publish(self, tokens: TokenSet, *, expected: TokenSet | None) -> Flow[bool]:
        """Write a set only if the store still has `expected`. Returns whether it was written."""
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
        """Delete the set of this login. A set of a newer login stays."""
        stored = yield from self.load(key)
        while stored is not None and stored.grant == grant:
            if (yield from store_swap(self._store, key.store_key, stored.to_bytes(), b"", 0.001)):
                return
            stored = yield from self.load(key)

    def lock(self, key: TokenKey, holder: str) -> Flow[bool]:
        """Whether `holder` may refresh this set now."""
        return (yield from store_add(self._store, _lock_key(key), holder.encode(), LOCK_TTL))

    def unlock(self, key: TokenKey, holder: str) -> Flow[None]:
        """Release the lock, unless it has expired and another process holds it."""
        yield from store_swap(self._store, _lock_key(key), holder.encode(), b"", 0.001)

    def _tell(self, tokens: TokenSet) -> None:
        if self._on_change is not None:
            self._on_change(tokens)

    def __repr__(self) -> str:
        return f"TokenStore({self._store!r})"


def _read(octets: bytes | None) -> TokenSet | None:
    return TokenSet.from_bytes(octets) if octets else None  # empty: `forget` has just deleted it


def _lock_key(key: TokenKey) -> str:
    return f"{key.store_key}:lock"
