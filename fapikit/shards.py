"""A mapping of any size that grows in small steps.

A large dict copies itself when it grows: with half a million entries, that stops the process for 30 ms and more. So the
entries of a large mapping lie in several dicts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SHARD: Final = 16_384
"""So many entries lie in one dict, if there are as many as expected. It copies itself in less than a millisecond."""


class Shards(Generic[K, V]):
    """`of(key)` is the dict of this key. `get(key)` reads without a lock, as fast as a dict while there is only one."""

    def __init__(self, expected: int) -> None:
        """`expected`: how many entries there may be. More entries only make the dicts larger."""
        # An odd number: the remainder depends on all bits of a hash. The lowest bits choose the place inside a dict.
        self.count: Final = -(-expected // SHARD) | 1
        """The number of dicts."""
        self._dicts: list[dict[K, V]] = [{} for _ in range(self.count)]
        self.get: Callable[[K], V | None] = self._dicts[0].get if self.count == 1 else self._find

    def of(self, key: K) -> dict[K, V]:
        return self._dicts[hash(key) % self.count]

    def __getitem__(self, key: K) -> V:
        return self.of(key)[key]

    def _find(self, key: K) -> V | None:
        return self._dicts[hash(key) % self.count].get(key)

    def __len__(self) -> int:
        return sum(map(len, self._dicts))
