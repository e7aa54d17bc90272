"""Stores: what must not be forgotten, as five atomic operations on one key.

`protocol` says what a store promises; `memory`, `sqlite` and `redis` keep it; `sealed` encrypts what is kept.
"""

from fapikit.stores.memory import MemoryStore
from fapikit.stores.protocol import Store

__all__ = ["MemoryStore", "Store"]
