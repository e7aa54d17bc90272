"""The contract of a store.

Each operation is atomic on its one key, for all threads, processes and hosts that share the store. A key is a string of
at most 512 characters. A value has at most 1 MiB. A `ttl` is a positive number of seconds. An expired entry is absent.
A live entry is never evicted: a full store raises StoreFull. If the store does not answer, every operation raises
StoreUnavailable, and the caller cannot decide. Any other failure is a StoreError too.

`add`, and `swap` from None, decide whether something is used for the first time. They raise StoreForgot for a while
after the store was emptied or replaced (`identity`). They raise UnfitStore if the store may lose live entries.

Each operation has a sync method and an async method (with the prefix `a`) on the same object. `check` says which
processes share the store, and whether its data survive a restart. A store may also be able to do several operations in
one trip (`together`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from fapikit.errors import ConfigurationError

MAX_KEY_CHARACTERS: Final = 512
MAX_VALUE_OCTETS: Final = 1024 * 1024
MAX_SEAL_OCTETS: Final = 64
"""What sealing may add to a value (`sealed`). A store accepts values that are larger by this."""


@dataclass(frozen=True, slots=True)
class StorePromise:
    """What a store can keep, as found by `check`.

    `shared`: other processes that open the store see what this process wrote. `durable`: the data survive a restart of
    the processes, and of the server of the store. `warnings`: what the operator should know, one sentence for each.
    """

    shared: bool
    durable: bool
    warnings: tuple[str, ...] = ()


UNSAID: Final = StorePromise(
    shared=False,
    durable=False,
    warnings=(
        "this store has no check(), so what it can keep is unknown: add check() and acheck() (fapikit.stores.protocol)",
    ),
)
"""The promise of a store that has the five operations and no `check`: the weakest one."""


@runtime_checkable
class Store(Protocol):
    """The five operations and `check`, each as a sync and an async method."""

    def get(self, key: str) -> bytes | None:
        """The live value, or None."""
        ...

    def put(self, key: str, value: bytes, ttl: float) -> None:
        """Write the value, and replace an existing one."""
        ...

    def take(self, key: str) -> bytes | None:
        """Read and delete in one step: of many callers, exactly one gets the value."""
        ...

    def add(self, key: str, value: bytes, ttl: float) -> bool:
        """Write only if there is no live value: of many callers, exactly one gets True."""
        ...

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        """Write only if the live value equals `expected` (None: absent)."""
        ...

    def check(self) -> StorePromise:
        """Check what the store can keep: at start-up, for readiness, and before relying on `shared` or `durable`.

        Raises UnfitStore if it may lose live entries; StoreError if it does not answer.
        """
        ...

    async def aget(self, key: str) -> bytes | None: ...

    async def aput(self, key: str, value: bytes, ttl: float) -> None: ...

    async def atake(self, key: str) -> bytes | None: ...

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool: ...

    async def aswap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool: ...

    async def acheck(self) -> StorePromise: ...


def require_store(store: Store) -> Store:
    """Returns the store. Raises ConfigurationError for another object, such as a URL."""
    if not hasattr(store, "swap"):
        raise ConfigurationError(
            f"store is a {type(store).__name__}: a store is an object, such as SqliteStore(path) or"
            " store_from_url(url)"
        )
    return store


def require_entry(key: str, value: bytes, ttl: float) -> None:
    """Raises ValueError, TypeError for an entry that no store accepts: it is a mistake of the caller."""
    if not 0 < len(key) <= MAX_KEY_CHARACTERS or not key.isascii():
        require_key(key)
    if not isinstance(value, bytes):
        raise TypeError(f"a stored value must be bytes, and this is a {type(value).__name__}")
    if len(value) > MAX_VALUE_OCTETS + MAX_SEAL_OCTETS:
        raise ValueError("a stored value must have at most 1 MiB")
    if not 0 < ttl < float("inf"):
        raise ValueError(f"a ttl must be a positive, finite number of seconds, and this is {ttl!r}")


def require_key(key: str) -> None:
    """Raises ValueError for a key that no store accepts."""
    if not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise ValueError("a store key must have 1 to 512 characters")
    if not key.isascii():
        key.encode()  # a lone surrogate raises UnicodeEncodeError, which is a ValueError
