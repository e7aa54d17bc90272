"""Stores: what must not be forgotten, as five atomic operations on one key.

`protocol` says what a store promises; `memory`, `sqlite` and `redis` keep it; `sealed` encrypts what is kept;
`from_url` makes one from a line of configuration.
"""

from fapikit.stores.from_url import store_from_url
from fapikit.stores.memory import MemoryStore
from fapikit.stores.protocol import Store, StorePromise
from fapikit.stores.redis import RedisStore
from fapikit.stores.sealed import Seal, SealedStore, unsealed
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
