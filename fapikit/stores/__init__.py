"""Stores keep what must not be lost, with five atomic operations on one key.

`protocol` is the contract of a store. `memory`, `sqlite` and `redis` implement it. `sealed` encrypts the values.
`together` does several operations in one trip. `from_url` makes a store from one line of configuration.
"""

from typing import TYPE_CHECKING

from fapikit.late_names import late_names
from fapikit.stores.from_url import store_from_url
from fapikit.stores.memory import MemoryStore
from fapikit.stores.protocol import Store, StorePromise
from fapikit.stores.sealed import Seal, SealedStore, unsealed

if TYPE_CHECKING:
    from fapikit.stores.redis import RedisStore
    from fapikit.stores.sqlite import SqliteStore

__all__ = [
    "MemoryStore",
    "RedisStore",
    "Seal",
    "SealedStore",
    "SqliteStore",
    "Store",
    "StorePromise",
    "store_from_url",
    "unsealed",
]

__getattr__ = late_names(
    globals(), {"RedisStore": "fapikit.stores.redis", "SqliteStore": "fapikit.stores.sqlite"}
)
