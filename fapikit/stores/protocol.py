"""The contract of a store.

Each operation is atomic on its one key, across every thread, process and host that shares the store. A key is a
string of at most 512 characters, a value at most 1 MiB, a `ttl` a positive number of seconds; an expired
entry is absent. Nothing live is ever evicted: a store that is full raises StoreFull. All raise StoreUnavailable
when the store does not answer: the caller cannot decide, and says so. Any other failure is a StoreError too.

`add`, and `swap` from None, say that something is the first of its kind. They raise StoreForgot for a while after the
store was emptied or replaced (`identity`), and UnfitStore where it would forget what lives.

Each operation has a sync face and an async one (`a` in front) on the same object. How far the promise reaches, and
whether it outlives a restart, `check` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from fapikit.errors import ConfigurationError

MAX_KEY_CHARACTERS: Final = 512
MAX_VALUE_OCTETS: Final = 1024 * 1024
MAX_SEAL_OCTETS: Final = 64
"""What sealing may add to a value (`sealed`): a store takes so much more than it promises."""


@dataclass(frozen=True, slots=True)
class StorePromise:
    """What a store can keep, as found when it was asked.

    `shared`: other processes that open it see what this one wrote. `durable`: what was written outlives a restart of
    the processes, and of the server behind the store. `warnings`: what its operator should know, a sentence each.
    """

    shared: bool
    durable: bool
    warnings: tuple[str, ...] = ()


UNSAID: Final = StorePromise(
    shared=False,
    durable=False,
    warnings=(
        "this store does not say what it can keep: give it check() and acheck() (fapikit.stores.protocol)",
    ),
)
"""Of a store that has the five operations and no `check`: nothing is relied on that it does not say."""


@runtime_checkable
class Store(Protocol):
    """The five operations, and what the store can promise of them, each with both of its faces."""

    def get(self, key: str) -> bytes | None:
        """The live value, or None."""
        ...

    def put(self, key: str, value: bytes, ttl: float) -> None:
        """Write, whatever was there."""
        ...

    def take(self, key: str) -> bytes | None:
        """Read and delete at once: of many callers exactly one gets the value."""
        ...

    def add(self, key: str, value: bytes, ttl: float) -> bool:
        """Write only where nothing lives: of many callers exactly one gets True."""
        ...

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        """Write only if the live value equals `expected` (None: absent)."""
        ...

    def check(self) -> StorePromise:
        """Ask the store what it can keep: at start-up, for readiness, and before relying on `shared` or `durable`.

        Raises UnfitStore where it would forget what lives; StoreError where it does not answer.
        """
        ...

    async def aget(self, key: str) -> bytes | None: ...

    async def aput(self, key: str, value: bytes, ttl: float) -> None: ...

    async def atake(self, key: str) -> bytes | None: ...

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool: ...

    async def aswap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool: ...

    async def acheck(self) -> StorePromise: ...


def require_store(store: Store) -> Store:
    """The same object, known to be a store and not, say, its URL. Raises ConfigurationError."""
    if not hasattr(store, "swap"):
        raise ConfigurationError("a store is an object, such as SqliteStore(path), or store_from_url(url)")
    return store


def require_entry(key: str, value: bytes, ttl: float) -> None:
    """Refuse what no store takes. Raises ValueError, TypeError: it is the caller's mistake."""
    if not 0 < len(key) <= MAX_KEY_CHARACTERS or not key.isascii():
        require_key(key)
    if not isinstance(value, bytes):
        raise TypeError("a stored value is bytes")
    if len(value) > MAX_VALUE_OCTETS + MAX_SEAL_OCTETS:
        raise ValueError("a stored value has at most 1 MiB")
    if not 0 < ttl < float("inf"):
        raise ValueError("a ttl is a positive, finite number of seconds")


def require_key(key: str) -> None:
    """Raises ValueError."""
    if not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise ValueError("a store key has 1 to 512 characters")
    if not key.isascii():
        key.encode()  # a lone surrogate raises UnicodeEncodeError, which is a ValueError
