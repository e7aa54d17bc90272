"""Several operations of a store that go together: in one round trip or transaction, where the store can do that.

A store that can do it has `together` and `atogether` beside the five operations. Any other store gets one operation
after another. In both cases the operations are done in their order, and the first `add` or `swap` that does not succeed
ends the sequence. So a mark can stand before what it guards.

A sequence is not a transaction. Each operation is atomic on its one key, and other callers may come in between. If the
sequence raises, the first operations may have been done, but none after one that was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

from fapikit.stores.protocol import Store, require_entry, require_key

OperationName: TypeAlias = Literal["get", "put", "take", "add", "swap"]
Results: TypeAlias = list[Any]
"""What the operations returned, in their order. It is shorter than the sequence if one of them ended it."""

MAX_TOGETHER: Final = 64
_ASYNC: Final = {"get": "aget", "put": "aput", "take": "atake", "add": "aadd", "swap": "aswap"}


class Operation:
    """One operation, with the name and the arguments of the method of the store: `Operation("get", key)`."""

    __slots__ = ("arguments", "key", "name")

    def __init__(self, name: OperationName, key: str, *arguments: Any) -> None:
        self.name = name
        self.key = key
        self.arguments = arguments

    def __repr__(self) -> str:
        return f"Operation({self.name})"  # keys and values may be secrets

    @property
    def is_mark(self) -> bool:
        """Whether it decides that something is used for the first time."""
        return self.name == "add" or (self.name == "swap" and self.arguments[0] is None)

    def do(self, store: Store) -> Any:
        """Do it by itself. The result of the method."""
        return getattr(store, self.name)(self.key, *self.arguments)

    async def ado(self, store: Store) -> Any:
        return await getattr(store, _ASYNC[self.name])(self.key, *self.arguments)

    def is_lost(self, result: Any) -> bool:
        """Whether it ends the sequence, with this result."""
        return result is False and self.name in ("add", "swap")


def require_operations(operations: Sequence[Operation]) -> None:
    """Raises ValueError, TypeError for operations that no store accepts."""
    if len(operations) > MAX_TOGETHER:
        raise ValueError(f"at most {MAX_TOGETHER} operations go together, and these are {len(operations)}")
    for operation in operations:
        match operation.name:
            case "put" | "add":
                require_entry(operation.key, *operation.arguments)
            case "swap":
                _, new, ttl = operation.arguments
                require_entry(operation.key, new, ttl)
            case _:
                require_key(operation.key)


def together(store: Store, operations: Sequence[Operation]) -> Results:
    """Do the operations in their order, up to the first `add` or `swap` that does not succeed. Raises StoreError."""
    if len(operations) > 1 and hasattr(store, "together"):
        results: Results = store.together(operations)
        return results
    results = []
    for operation in operations:
        result = operation.do(store)
        results.append(result)
        if operation.is_lost(result):
            break
    return results


async def atogether(store: Store, operations: Sequence[Operation]) -> Results:
    """As `together`, on an event loop."""
    if len(operations) > 1 and hasattr(store, "atogether"):
        results: Results = await store.atogether(operations)
        return results
    results = []
    for operation in operations:
        result = await operation.ado(store)
        results.append(result)
        if operation.is_lost(result):
            break
    return results
