"""Typed access to the records of one issuer, over the five operations of a store, one at a time or several together.

Spec: RFC 6749 10.5, 4.1.2; RFC 9700 4.2.4
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar, cast

from askit.errors import TooLarge
from askit.record_fields import reading
from askit.records import Owners, R, Record, digest, read_stored
from askit.shares import Shares
from fapikit.stores.identity import require_memory
from fapikit.stores.protocol import Store
from fapikit.stores.together import Operation, atogether

T = TypeVar("T")


class Step(Generic[T]):
    """One operation on a record. `read` turns what the store returns into the result; None: it is the result.

    `owners`: who is charged if it writes something new. `since`: as in `Records.marking`.
    """

    __slots__ = ("operation", "owners", "read", "since")

    def __init__(
        self,
        operation: Operation,
        read: Callable[[Any], T] | None = None,
        owners: Owners = (),
        since: float | None = None,
    ) -> None:
        self.operation = operation
        self.read = read
        self.owners = owners
        self.since = since

    def charge(self, shares: Shares) -> None:
        *_, value, ttl = self.operation.arguments
        shares.charge(self.owners, len(self.operation.key) + len(value), ttl)


class Records:
    """Typed access to a store. All records of one issuer have one prefix. All methods raise StoreError."""

    def __init__(self, store: Store, issuer: str, shares: Shares, *, max_octets: int) -> None:
        """`max_octets`: the longest record. `shares`: charged for each record with owners."""
        self.store = store
        self.shares = shares
        self._max_octets = max_octets
        self._prefix = f"as:{digest(issuer)[:12]}:"

    def key(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{digest(name)}"

    async def together(self, *steps: Step[Any]) -> list[Any]:
        """Do steps in their order, in one round trip if the store can. Returns their results.

        The first mark or swap that does not succeed ends the sequence: what comes after it is not done, and has no
        result. So a mark can stand before what it guards, and a code after its grant.
        """
        made_at = min((step.since for step in steps if step.since is not None), default=None)
        require_memory(self.store, made_at)
        results = await atogether(self.store, [step.operation for step in steps])
        require_memory(self.store, made_at)  # again, in case this was the first operation on the store
        return [self._done(*pair) for pair in zip(steps, results, strict=False)]

    async def do(self, step: Step[T]) -> T:
        """Do one step."""
        require_memory(self.store, step.since)
        result = await step.operation.ado(self.store)
        require_memory(self.store, step.since)
        return cast(T, self._done(step, result))

    # One operation each, done at once.

    async def save(self, kind: str, name: str, record: Record, ttl: float, owners: Owners = ()) -> None:
        """Raises TooLarge."""
        await self.do(self.saving(kind, name, record, ttl, owners))

    async def load(self, kind: str, name: str, record: type[R]) -> R | None:
        return await self.do(self.loading(kind, name, record))

    async def read(self, kind: str, name: str) -> bytes | None:
        return await self.do(self.reading(kind, name))

    async def mark(
        self,
        kind: str,
        name: str,
        ttl: float,
        value: str = "1",
        *,
        owners: Owners = (),
        since: float | None = None,
    ) -> bool:
        """Write a mark. True only for the first caller. `since`: as in `marking`."""
        return await self.do(self.marking(kind, name, ttl, value, owners=owners, since=since))

    async def marked(self, kind: str, name: str) -> str | None:
        """The value of a mark, or None."""
        return await self.do(self.reading_mark(kind, name))

    async def swap(
        self, kind: str, name: str, expected: bytes | None, new: bytes, ttl: float, owners: Owners = ()
    ) -> bool:
        """Replace a record. False if it was not `expected`. Raises TooLarge."""
        return await self.do(self.swapping(kind, name, expected, new, ttl, owners))

    async def remove(self, kind: str, name: str) -> bytes | None:
        """Remove a record. Returns what it was; nobody else gets it."""
        return await self.do(Step(Operation("take", self.key(kind, name))))

    # The same as steps, for `together`.

    def saving(self, kind: str, name: str, record: Record, ttl: float, owners: Owners = ()) -> Step[None]:
        """Raises TooLarge."""
        return self.writing(kind, name, record.dump(), ttl, owners)

    def writing(self, kind: str, name: str, octets: bytes, ttl: float, owners: Owners = ()) -> Step[None]:
        """Raises TooLarge."""
        self._require_small(octets)
        return Step(Operation("put", self.key(kind, name), octets, max(ttl, 1.0)), owners=owners)

    def loading(self, kind: str, name: str, record: type[R]) -> Step[R | None]:
        return Step(Operation("get", self.key(kind, name)), partial(_loaded, kind, record))

    def reading(self, kind: str, name: str) -> Step[bytes | None]:
        return Step(Operation("get", self.key(kind, name)))

    def reading_by_digest(self, kind: str, name_digest: str) -> Step[bytes | None]:
        """Reads a record whose name is a secret that the caller does not have, only its `digest`."""
        return Step(Operation("get", f"{self._prefix}{kind}:{name_digest}"))

    def marking(
        self,
        kind: str,
        name: str,
        ttl: float,
        value: str = "1",
        *,
        owners: Owners = (),
        since: float | None = None,
    ) -> Step[bool]:
        """Write a mark. The result is True only for the first caller.

        `since`: the earliest time at which the marked thing was made. A store that has forgotten anything since then
        raises StoreForgot.
        """
        operation = Operation("add", self.key(kind, name), value.encode(), max(ttl, 1.0))
        return Step(operation, owners=owners, since=since)

    def reading_mark(self, kind: str, name: str) -> Step[str | None]:
        return Step(Operation("get", self.key(kind, name)), partial(_mark_of, kind))

    def swapping(
        self, kind: str, name: str, expected: bytes | None, new: bytes, ttl: float, owners: Owners = ()
    ) -> Step[bool]:
        """Raises TooLarge."""
        self._require_small(new)
        operation = Operation("swap", self.key(kind, name), expected, new, ttl)
        return Step(operation, owners=owners if expected is None else ())

    def _done(self, step: Step[Any], result: Any) -> Any:
        if step.owners and result is not False:
            step.charge(self.shares)
        return result if step.read is None else step.read(result)

    def _require_small(self, octets: bytes) -> None:
        if len(octets) > self._max_octets:
            raise TooLarge(
                "what would have to be stored for this is too long",
                facts={"octets": len(octets), "limit": self._max_octets},
            )


def _loaded(kind: str, record: type[R], octets: bytes | None) -> R | None:
    return None if octets is None else read_stored(kind, record, octets)


def _mark_of(kind: str, octets: bytes | None) -> str | None:
    with reading(kind):
        return None if octets is None else octets.decode()
