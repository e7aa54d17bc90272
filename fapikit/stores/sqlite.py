"""A store in one SQLite file. The processes of one host share it, and its data survive them.

A finished write survives `kill -9` of any process. With `synchronous="FULL"` it survives a power cut too, but each
write needs a disk flush. Each operation checks the identity record (`identity`) and the files. So it is known whether
the operation was done in the known store, and in the files that are at the path.
"""

from __future__ import annotations

import copy
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from fapikit.clock import Clock, system_clock
from fapikit.errors import StoreError, StoreForgot, StoreFull, StoreUnavailable, UnreadableRecord
from fapikit.forks import reset_after_fork
from fapikit.stores.protocol import StorePromise
from fapikit.stores.sqlite_database import Done, SqliteDatabase, Step, Writing
from fapikit.stores.sqlite_file import SqliteFile, Synchronous
from fapikit.stores.together import Operation, Results, require_operations
from fapikit.stores.worker import Worker
from fapikit.stores.write_group import Outcome, WriteGroup

_GET: Final = "SELECT value FROM entries WHERE key = :key AND expires > :now"
_PUT: Final = (
    "INSERT INTO entries VALUES (:key, :value, :expires)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires"
)
_TAKE: Final = "DELETE FROM entries WHERE key = :key AND expires > :now RETURNING value"
_ADD: Final = f"{_PUT} WHERE entries.expires <= :now"
_SWAP: Final = (
    "UPDATE entries SET value = :value, expires = :expires"
    " WHERE key = :key AND expires > :now AND value = :expected"
)
# Writers remove expired entries: two for each written one, 64 at a time.
_SWEEP: Final = (
    "DELETE FROM entries WHERE rowid IN (SELECT rowid FROM entries WHERE expires <= :now LIMIT 64)"
)
_SWEEP_EVERY: Final = 32
_SWEEPS_FOR_ROOM: Final = 16
MAX_OCTETS: Final = 1024**3

# A child process must neither use nor close a connection of its parent: closing would release the parent's file locks.
_of_the_parent: list[sqlite3.Connection] = []


class SqliteStore:
    """The store in the file at `path`. The file is made readable for this user alone.

    `timeout`: how many seconds to wait for a lock. `max_octets`: the largest size of the database.
    Raises ConfigurationError for a path that names no file.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        timeout: float = 5.0,
        synchronous: Synchronous = "NORMAL",
        max_octets: int = MAX_OCTETS,
        clock: Clock = system_clock,
    ) -> None:
        self._file = SqliteFile(path, timeout=timeout, synchronous=synchronous, max_octets=max_octets)
        self._database = SqliteDatabase(self._file, clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._worker = Worker("fapikit SQLite store")
        self._group = WriteGroup(self._worker)
        self._writes = 0
        reset_after_fork(self)

    def get(self, key: str) -> bytes | None:
        return cast("bytes | None", self._do(Operation("get", key)))

    def put(self, key: str, value: bytes, ttl: float) -> None:
        self._do(Operation("put", key, value, ttl))

    def take(self, key: str) -> bytes | None:
        return cast("bytes | None", self._do(Operation("take", key)))

    def add(self, key: str, value: bytes, ttl: float) -> bool:
        return cast(bool, self._do(Operation("add", key, value, ttl)))

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        return cast(bool, self._do(Operation("swap", key, expected, new, ttl)))

    def together(self, operations: Sequence[Operation]) -> Results:
        """Several operations in one transaction, up to the first `add` or `swap` that does not succeed.

        A process that is killed leaves all of it or nothing. If it raises StoreFull, nothing was done.
        """
        require_operations(operations)
        if _only_reads(operations):
            return _results(operations, self._read([_step(operation) for operation in operations]))
        (outcome,) = self._write([operations])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def aget(self, key: str) -> bytes | None:
        return cast("bytes | None", await self._ado(Operation("get", key)))

    async def aput(self, key: str, value: bytes, ttl: float) -> None:
        await self._ado(Operation("put", key, value, ttl))

    async def atake(self, key: str) -> bytes | None:
        return cast("bytes | None", await self._ado(Operation("take", key)))

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
        return cast(bool, await self._ado(Operation("add", key, value, ttl)))

    async def aswap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        return cast(bool, await self._ado(Operation("swap", key, expected, new, ttl)))

    async def atogether(self, operations: Sequence[Operation]) -> Results:
        require_operations(operations)
        if not _only_reads(operations):
            return await self._group.run(operations, self._write)
        found = self._glance(operations)
        return await self._worker.run(partial(self.together, operations)) if found is None else found

    def check(self) -> StorePromise:
        """Check that the file can be opened and read. The processes of this host share it."""
        self.get("check")
        return StorePromise(shared=True, durable=True, warnings=self._file.warnings())

    async def acheck(self) -> StorePromise:
        return await self._worker.run(self.check)

    @property
    def forgot_at(self) -> float:
        """When a loss of data was last noticed, as far as this process knows; -inf: never."""
        return self._database.forgot_at

    def close(self) -> None:
        """Close the file, and let the thread end. The next operation starts again."""
        self._worker.end()
        self._close_file()

    def _close_file(self) -> None:
        with self._lock:
            self._database.close()

    async def aclose(self) -> None:
        await self._worker.run(self._close_file)
        self._worker.end()

    def __del__(self) -> None:
        """Close the file of a store that is no longer used, so that Python warns of no open file."""
        database = getattr(self, "_database", None)  # None if the construction failed
        if database is not None:
            self._worker.end()
            database.close()

    def after_fork(self) -> None:
        connection = self._database.let_go()
        if connection is not None:
            _of_the_parent.append(connection)
        self._worker.after_fork()
        self._group.after_fork()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"SqliteStore({str(self._file.path)!r})"

    async def _ado(self, operation: Operation) -> Any:
        return (await self.atogether([operation]))[0]

    def _do(self, operation: Operation) -> Any:
        return self.together([operation])[0]

    def _glance(self, operations: Sequence[Operation]) -> Results | None:
        """Read on the event loop, because a thread would cost several times as much as reading. None: use a thread.

        A reader waits for no writer of another process. If a thread of this process uses the file, nothing is read.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            done = self._database.glance(self._timed([_step(operation) for operation in operations]))
        finally:
            self._lock.release()
        return None if done is None else _results(operations, done)

    def _write(self, group: Sequence[Sequence[Operation]]) -> list[Outcome]:
        """Several sequences in one transaction. If it fails for a reason that may be that of one, each gets its own."""
        writings = [_writing(operations) for operations in group]
        try:
            outcomes = self._do_with_room(writings)
        except (StoreForgot, StoreUnavailable) as error:
            return [copy.copy(error) for _ in group]
        except Exception as error:  # noqa: BLE001 - it is raised where the operations came from
            return [error] if len(group) == 1 else [self._write([operations])[0] for operations in group]
        self._sweep_if_due(sum(len(writing.steps) for writing in writings))
        return [_outcome(*pair) for pair in zip(group, outcomes, strict=True)]

    def _do_with_room(self, writings: Sequence[Writing]) -> list[list[Done] | StoreForgot]:
        try:
            return self._do_writings(writings)
        except StoreFull:
            if not self._make_room():
                raise
            return self._do_writings(writings)

    def _do_writings(self, writings: Sequence[Writing]) -> list[list[Done] | StoreForgot]:
        for writing in writings:
            self._timed(writing.steps)
        with self._lock:
            return self._database.write(writings)

    def _read(self, steps: Sequence[Step]) -> list[Done]:
        self._timed(steps)
        with self._lock:
            return self._database.read(steps)

    def _sweep_if_due(self, writes: int) -> None:
        before, self._writes = self._writes, self._writes + writes
        if before // _SWEEP_EVERY != self._writes // _SWEEP_EVERY or before == 0:
            with suppress(StoreError):  # the write has happened, and the caller must get its result
                self._sweep()

    def _make_room(self) -> bool:
        """Remove a limited number of expired entries. Returns whether there was one."""
        swept = 0
        with suppress(StoreError):
            while swept < _SWEEPS_FOR_ROOM and self._sweep():
                swept += 1
        return swept > 0

    def _sweep(self) -> int:
        with self._lock:
            return self._database.execute(_SWEEP, {"now": self._clock()})[1]

    def _timed(self, steps: Sequence[Step]) -> Sequence[Step]:
        now = self._clock()
        for step in steps:
            step.entry["now"], step.entry["expires"] = now, now + step.entry.get("ttl", 0.0)
        return steps


def _only_reads(operations: Sequence[Operation]) -> bool:
    return all(operation.name == "get" for operation in operations)


def _step(operation: Operation) -> Step:
    entry: dict[str, Any] = {"key": operation.key}
    match operation.name:
        case "get":
            return Step(_GET, entry)
        case "take":
            return Step(_TAKE, entry)
        case "swap":
            entry["expected"], entry["value"], entry["ttl"] = operation.arguments
            return Step(_ADD if entry["expected"] is None else _SWAP, entry, is_decisive=True)
        case _:
            entry["value"], entry["ttl"] = operation.arguments
            is_mark = operation.is_mark
            return Step(_ADD if is_mark else _PUT, entry, is_decisive=is_mark)


def _writing(operations: Sequence[Operation]) -> Writing:
    return Writing(
        [_step(operation) for operation in operations], any(operation.is_mark for operation in operations)
    )


def _outcome(operations: Sequence[Operation], done: list[Done] | StoreForgot) -> Outcome:
    if isinstance(done, StoreForgot):
        return copy.copy(done)  # a raised error has a traceback: each caller raises its own
    try:
        return _results(operations, done)
    except UnreadableRecord as error:
        return error


def _results(operations: Sequence[Operation], done: Sequence[Done]) -> Results:
    """Raises UnreadableRecord."""
    return [_result(*pair) for pair in zip(operations, done, strict=False)]


def _result(operation: Operation, done: Done) -> Any:
    """What the method of the store returns. Raises UnreadableRecord."""
    rows, changed = done
    if operation.name in ("add", "swap"):
        return changed == 1
    if operation.name == "put" or not rows:
        return None
    value = rows[0][0]
    if not isinstance(value, bytes):
        raise UnreadableRecord("another program wrote the value of this key into the SQLite file")
    return value
