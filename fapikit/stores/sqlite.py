"""A store in one SQLite file: shared by the processes of one host, and what was written outlives them.

A finished write survives `kill -9` of any process. With `synchronous="FULL"` it survives a power cut too, at
the price of one disk flush for each write.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

from fapikit.clock import Clock, system_clock
from fapikit.errors import StoreFull, StoreUnavailable
from fapikit.forks import reset_after_fork
from fapikit.stores.protocol import StorePromise, require_entry, require_key

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS entries_expires ON entries (expires)",
)
# Each operation is one statement, and so one transaction.
_GET: Final = "SELECT value FROM entries WHERE key = ? AND expires > ?"
_PUT: Final = (
    "INSERT INTO entries VALUES (?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires"
)
_TAKE: Final = "DELETE FROM entries WHERE key = ? AND expires > ? RETURNING value"
_ADD: Final = f"{_PUT} WHERE entries.expires <= ?"
_SWAP: Final = "UPDATE entries SET value = ?, expires = ? WHERE key = ? AND expires > ? AND value = ?"
_SWEEP: Final = "DELETE FROM entries WHERE rowid IN (SELECT rowid FROM entries WHERE expires <= ? LIMIT 1000)"
_SWEEP_EVERY: Final = 512

# A child must neither use nor close what its parent opened: closing would drop the parent's file locks.
_of_the_parent: list[sqlite3.Connection] = []


class SqliteStore:
    """The store in the file at `path`, made readable by this user alone. `timeout`: how long to wait for a lock."""

    def __init__(
        self,
        path: Path | str,
        *,
        timeout: float = 5.0,
        synchronous: Literal["NORMAL", "FULL"] = "NORMAL",
        clock: Clock = system_clock,
    ) -> None:
        self._path = Path(path)
        self._timeout = timeout
        self._synchronous = synchronous
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._writes = 0
        reset_after_fork(self)

    def get(self, key: str) -> bytes | None:
        require_key(key)
        return self._first(_GET, (key, self._clock()))

    def put(self, key: str, value: bytes, ttl: float) -> None:
        require_entry(key, value, ttl)
        self._write(_PUT, (key, value, self._clock() + ttl))

    def take(self, key: str) -> bytes | None:
        require_key(key)
        return self._first(_TAKE, (key, self._clock()))

    def add(self, key: str, value: bytes, ttl: float) -> bool:
        require_entry(key, value, ttl)
        now = self._clock()
        return self._write(_ADD, (key, value, now + ttl, now)) == 1

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        if expected is None:
            return self.add(key, new, ttl)
        require_entry(key, new, ttl)
        now = self._clock()
        return self._write(_SWAP, (new, now + ttl, key, now, expected)) == 1

    async def aget(self, key: str) -> bytes | None:
        return await asyncio.to_thread(self.get, key)

    async def aput(self, key: str, value: bytes, ttl: float) -> None:
        await asyncio.to_thread(self.put, key, value, ttl)

    async def atake(self, key: str) -> bytes | None:
        return await asyncio.to_thread(self.take, key)

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
        return await asyncio.to_thread(self.add, key, value, ttl)

    async def aswap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        return await asyncio.to_thread(self.swap, key, expected, new, ttl)

    def check(self) -> StorePromise:
        """The file opens and answers; the processes of this host share it."""
        self.get("check")
        return StorePromise(shared=True, durable=True)

    async def acheck(self) -> StorePromise:
        return await asyncio.to_thread(self.check)

    def close(self) -> None:
        """Close the file; the next operation opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    async def aclose(self) -> None:
        await asyncio.to_thread(self.close)

    def __del__(self) -> None:
        """A store that nobody holds any longer leaves no file open, and no warning of it."""
        connection = getattr(self, "_connection", None)  # none yet, where construction failed
        if connection is not None:
            connection.close()

    def after_fork(self) -> None:
        if self._connection is not None:
            _of_the_parent.append(self._connection)
            self._connection = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"SqliteStore({str(self._path)!r})"

    def _first(self, statement: str, arguments: tuple[Any, ...]) -> bytes | None:
        rows, _ = self._run(statement, arguments)
        return rows[0][0] if rows else None

    def _write(self, statement: str, arguments: tuple[Any, ...]) -> int:
        _, changed = self._run(statement, arguments)
        self._writes += 1
        if self._writes % _SWEEP_EVERY == 1:
            with suppress(StoreUnavailable, StoreFull):  # the write has happened, and its caller must hear so
                self._run(_SWEEP, (self._clock(),))
        return changed

    def _run(self, statement: str, arguments: tuple[Any, ...]) -> tuple[list[tuple[bytes]], int]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                cursor = self._connection.execute(statement, arguments)
                return cursor.fetchall(), cursor.rowcount
            except sqlite3.Error as error:
                raise self._failure(error) from error

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.touch(mode=0o600, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(
                "the SQLite file cannot be opened", facts={"why": error.strerror or "OSError"}
            ) from error
        connection = sqlite3.connect(  # absolute: ":memory:" by itself is no file
            self._path.absolute(), timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """WAL mode and the table. SQLite does not wait for the lock that a change to WAL needs, so this does."""
        give_up = time.monotonic() + self._timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
                break
            except sqlite3.OperationalError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.01)
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        for statement in _SCHEMA:
            connection.execute(statement)

    @staticmethod
    def _failure(error: sqlite3.Error) -> StoreFull | StoreUnavailable:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        if name == "SQLITE_FULL":
            return StoreFull("the disk under the SQLite store is full")
        return StoreUnavailable("the SQLite store did not answer", facts={"why": name})
