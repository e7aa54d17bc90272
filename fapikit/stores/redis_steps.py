"""The operations of a Redis store as round trips, for its sync and async methods, and the checks of its server."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from math import ceil
from typing import Any, Final, NoReturn, TypeAlias, TypeVar, cast
from zlib import crc32

from fapikit.clock import Clock
from fapikit.errors import UnreadableRecord
from fapikit.stores import redis_scripts as scripts
from fapikit.stores.identity import NEVER, Acquaintance, Identity, new_name, raise_forgot
from fapikit.stores.protocol import StorePromise, require_entry, require_key
from fapikit.stores.redis_client import Command
from fapikit.stores.redis_scripts import Script
from fapikit.stores.redis_server import (
    Info,
    evicted_by,
    nodes_of,
    promise_of,
    require_no_eviction,
    require_primaries,
)
from fapikit.stores.together import Operation, Results, require_operations

T = TypeVar("T")
Steps: TypeAlias = Generator[Command, Any, T]

INSPECTED_EVERY: Final = 5.0
BUCKETS: Final = 64
"""The number of slots that the entries use on a cluster. Each slot has its own identity record."""
_LONGEST_MS: Final = 100 * 365 * 86_400_000
_LOGGER: Final = logging.getLogger("fapikit.stores")


class RedisSteps:
    """Each operation can raise UnfitStore, StoreForgot, UnreadableRecord."""

    def __init__(self, prefix: str, *, cluster: bool, clock: Clock) -> None:
        self._prefix = prefix
        self._cluster = cluster
        self._clock = clock
        self._known: dict[str, Acquaintance] = {}
        self._nodes: list[Info] = []
        self._promise: StorePromise | None = None
        self._inspected_at = float("-inf")
        self._evicted: int | None = None

    @property
    def forgot_at(self) -> float:
        return max((known.forgot_at for known in list(self._known.values())), default=NEVER)

    def get(self, key: str) -> Steps[bytes | None]:
        require_key(key)
        return cast("bytes | None", (yield from self._operate(scripts.GET, [key])))

    def put(self, key: str, value: bytes, ttl: float) -> Steps[None]:
        require_entry(key, value, ttl)
        yield from self._operate(scripts.PUT, [key], (value, _milliseconds(ttl)))

    def take(self, key: str) -> Steps[bytes | None]:
        require_key(key)
        return cast("bytes | None", (yield from self._operate(scripts.TAKE, [key])))

    def add(self, key: str, value: bytes, ttl: float) -> Steps[bool]:
        require_entry(key, value, ttl)
        arguments = (value, _milliseconds(ttl))
        return bool((yield from self._operate(scripts.ADD, [key], arguments, is_mark=True)))

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> Steps[bool]:
        if expected is None:
            return (yield from self.add(key, new, ttl))
        require_entry(key, new, ttl)
        return bool((yield from self._operate(scripts.SWAP, [key], (new, _milliseconds(ttl), expected))))

    def together(self, operations: Sequence[Operation]) -> Steps[Results]:
        """One round trip; on a cluster, where the entries are in different slots, one for each operation."""
        require_operations(operations)
        if self._cluster:
            return (yield from self._one_by_one(operations))
        arguments: list[str | bytes | int] = []
        for operation in operations:
            arguments += _named(operation)
        is_mark = any(operation.is_mark for operation in operations)
        keys = [operation.key for operation in operations]
        results = yield from self._operate(scripts.TOGETHER, keys, arguments, is_mark=is_mark)
        if type(results) is not list or not 0 < len(results) <= len(operations):
            raise _unreadable()
        return [_result(*pair) for pair in zip(operations, results, strict=False)]

    def _one_by_one(self, operations: Sequence[Operation]) -> Steps[Results]:
        results: Results = []
        for operation in operations:
            result = yield from getattr(self, operation.name)(operation.key, *operation.arguments)
            results.append(result)
            if operation.is_lost(result):
                break
        return results

    def check(self) -> Steps[StorePromise]:
        """What the server can keep. Raises UnfitStore."""
        promise = yield from self._inspect()
        require_no_eviction(self._nodes)
        return promise

    def _inspect(self) -> Steps[StorePromise]:
        """Raises UnfitStore for a server that cannot be used at all. `require_no_eviction` is checked elsewhere."""
        nodes = nodes_of((yield Command(None)))
        require_primaries(nodes, cluster=self._cluster)
        promise = promise_of(nodes)
        for warning in promise.warnings if promise != self._promise else ():
            _LOGGER.warning("%s", warning)
        evicted, before = evicted_by(nodes), self._evicted
        self._nodes, self._promise, self._inspected_at = nodes, promise, self._clock()
        self._evicted = evicted
        # Replay marks may be among the evicted entries: it is a loss.
        if before is not None and evicted > before:
            for bucket, known in list(self._known.items()):
                yield from self._write_down(bucket, known.name)
        return promise

    def _operate(
        self,
        script: Script,
        keys: Sequence[str],
        arguments: Sequence[str | bytes | int] = (),
        *,
        is_mark: bool = False,
    ) -> Steps[Any]:
        """Run a script on entries that are in one slot."""
        if self._clock() - self._inspected_at >= INSPECTED_EVERY:
            yield from self._inspect()
        bucket = self._bucket_of(keys[0])
        known = self._known.get(bucket)
        if known is None:
            known = yield from self._meet(bucket)
        now, writes = self._clock(), known.writes
        if is_mark:  # no first use can be proven if marks were lost, or may be evicted
            require_no_eviction(self._nodes)
            known.require_settled(now)
        reply = yield Command(
            script, (bucket, *[bucket + key for key in keys]), (known.name, writes, *arguments)
        )
        if type(reply) is not list or len(reply) < 3:
            raise _unreadable()
        if not reply[0]:
            yield from self._lost(bucket, known, _identity_of(reply[1:]))
        known.writes, known.held_at = max(known.writes, int(reply[1])), now
        return reply[2]

    def _bucket_of(self, key: str) -> str:
        """The beginning of the entry's key. Alone it is the key of the identity record, because no key is empty."""
        if not self._cluster:
            return self._prefix
        return f"{self._prefix}{{{crc32(key.encode()) % BUCKETS}}}"

    def _meet(self, bucket: str) -> Steps[Acquaintance]:
        found = _identity_of((yield Command(scripts.MEET, (bucket,), (new_name(),))))
        if found is None:
            raise _unreadable()
        return self._known.setdefault(bucket, Acquaintance(found, self._clock()))

    def _lost(self, bucket: str, known: Acquaintance, found: Identity | None) -> Steps[NoReturn]:
        """Write the loss into the record, unless another process has done so. Raises StoreForgot."""
        if found is not None and known.is_told_of(found):
            self._known[bucket] = Acquaintance(found, self._clock())
        else:
            yield from self._write_down(bucket, "" if found is None else found.name)
        self._inspected_at = float("-inf")  # another server may have this address now
        raise_forgot()

    def _write_down(self, bucket: str, name: str) -> Steps[None]:
        """Give the record a new name, unless another process was faster. In both cases the loss is of now."""
        now = self._clock()
        found = _identity_of((yield Command(scripts.RENAME, (bucket,), (name, new_name(), repr(now)))))
        if found is None:
            raise _unreadable()
        self._known[bucket] = Acquaintance(found._replace(forgot_at=now), now)


def _named(operation: Operation) -> tuple[str | bytes | int, ...]:
    """The operation as arguments of the script TOGETHER."""
    match operation.name:
        case "put" | "add":
            value, ttl = operation.arguments
            return operation.name, value, _milliseconds(ttl)
        case "swap":
            expected, new, ttl = operation.arguments
            if expected is None:
                return "add", new, _milliseconds(ttl)
            return "swap", new, _milliseconds(ttl), expected
        case _:
            return (operation.name,)


def _result(operation: Operation, reply: Any) -> Any:
    """What the method of the store returns for this reply of the script."""
    if operation.name in ("add", "swap"):
        return bool(reply)
    return None if operation.name == "put" else reply


def _identity_of(record: Any) -> Identity | None:
    """None if there is no record. Raises UnreadableRecord for a record that no store wrote."""
    try:
        name, writes, forgot_at = record
        if name is None:
            return None
        return Identity(name.decode(), float(forgot_at), int(writes))
    except (TypeError, ValueError):
        raise _unreadable() from None


def _unreadable() -> UnreadableRecord:
    return UnreadableRecord(
        "another program wrote the key of this Redis store's prefix: choose another prefix"
    )


def _milliseconds(ttl: float) -> int:
    return min(max(ceil(ttl * 1000), 1), _LONGEST_MS)
