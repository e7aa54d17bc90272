"""A store that counts the trips to it: one for each call, however many operations go together in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fapikit import MemoryStore
from fapikit.stores.together import Operation, Results, atogether


class CountingStore:
    """Notes what each trip did, as `add assertion`, or `get code, get code-used`."""

    def __init__(self, inner: MemoryStore) -> None:
        self._inner = inner
        self.trips: list[str] = []

    async def aget(self, key: str) -> bytes | None:
        return (await self.atogether([Operation("get", key)]))[0]  # type: ignore[no-any-return]

    async def aput(self, key: str, value: bytes, ttl: float) -> None:
        await self.atogether([Operation("put", key, value, ttl)])

    async def atake(self, key: str) -> bytes | None:
        return (await self.atogether([Operation("take", key)]))[0]  # type: ignore[no-any-return]

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
        return (await self.atogether([Operation("add", key, value, ttl)]))[0]  # type: ignore[no-any-return]

    async def aswap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        operation = Operation("swap", key, expected, new, ttl)
        return (await self.atogether([operation]))[0]  # type: ignore[no-any-return]

    async def atogether(self, operations: Sequence[Operation]) -> Results:
        self.trips.append(", ".join(f"{each.name} {_kind(each.key)}" for each in operations))
        return await atogether(self._inner, operations)

    def swap(self, *_: Any) -> bool:
        raise AssertionError("a server on an event loop uses the async methods")


def _kind(key: str) -> str:
    """`as:<issuer>:<kind>:<name>`, or `dpop:<name>`."""
    parts = key.split(":")
    return parts[2] if len(parts) == 4 else parts[0]
