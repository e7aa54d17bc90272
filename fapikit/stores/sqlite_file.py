"""The file of a SQLite store: opening it, checking that it is still at its path, and the type of its file system."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Final, Literal, TypeAlias

from fapikit.errors import ConfigurationError, StoreFull, StoreUnavailable

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS entries_expires ON entries (expires)",
    "CREATE TABLE IF NOT EXISTS identity (name TEXT NOT NULL, forgot_at REAL NOT NULL, writes INTEGER NOT NULL)",
)
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_OF_A_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs"}
)

Synchronous: TypeAlias = Literal["NORMAL", "FULL"]
Stamp: TypeAlias = tuple[tuple[int, int] | None, tuple[int, int] | None]
"""Device and inode of the database and of its write-ahead log; None for a file that does not exist."""


class SqliteFile:
    """`max_octets`: the limit of the database itself. Raises ConfigurationError for a path that names no file."""

    def __init__(
        self, path: Path | str, *, timeout: float, synchronous: Synchronous, max_octets: int
    ) -> None:
        if not isinstance(path, str | Path):
            raise ConfigurationError(
                f"path of the SQLite store must be a string or a Path, but it is of the type {type(path).__name__}"
            )
        if str(path) in ("", "."):
            raise ConfigurationError("path of the SQLite store is empty: give the path of a file")
        self.path = Path(path).absolute()  # ":memory:" would not be a file
        self._names = str(self.path), f"{self.path}-wal"
        self._timeout = timeout
        self._synchronous = synchronous
        self._max_octets = max_octets

    def open(self) -> tuple[sqlite3.Connection, Stamp]:
        """A connection to the prepared database, and the stamp of its files. Raises sqlite3.Error, StoreUnavailable."""
        try:
            self.path.touch(mode=0o600, exist_ok=True)
        except OSError as error:
            why = error.strerror or "OSError"
            raise StoreUnavailable(
                f"the SQLite file {self.path} cannot be opened: {why}", facts={"why": why}
            ) from error
        before, *_ = self.stamp()
        connection = sqlite3.connect(
            self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except sqlite3.Error:
            connection.close()
            raise
        stamp = self.stamp()
        if stamp[0] != before:
            connection.close()
            raise StoreUnavailable("the file of the SQLite store was replaced while it was opened: try again")
        return connection, stamp

    def stamp(self) -> Stamp:
        """The stamp of the files that are at the path now. Another stamp means another file."""
        return _device_and_inode(self._names[0]), _device_and_inode(self._names[1])

    def warnings(self) -> tuple[str, ...]:
        """What the operator should know about the file system of the file."""
        kind = filesystem_of(self.path)
        if kind in _IN_MEMORY:
            return (f"the SQLite file is in memory ({kind}): a restart of the host loses it",)
        if kind in _OF_A_NETWORK:
            return (f"the SQLite file is on a network file system ({kind}): no other host may open it",)
        if kind == "overlay":
            return ("the SQLite file is in the layer of a container: it is lost with the container",)
        return ()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Set WAL mode and make the tables. SQLite does not wait for the lock that WAL mode needs; this loop does."""
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
        (page_octets,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute(f"PRAGMA max_page_count = {max(self._max_octets // page_octets, 1)}").fetchall()
        for statement in _SCHEMA:
            connection.execute(statement)


def _device_and_inode(file: str) -> tuple[int, int] | None:
    try:
        status = os.stat(file)  # noqa: PTH116 - in each operation; a Path takes three times as long
    except OSError:
        return None
    return status.st_dev, status.st_ino


def filesystem_of(path: Path) -> str:
    """The type of the file system of the path; empty if the operating system does not tell."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    found: tuple[int, str] = (-1, "")
    for line in mounts:
        place, _, rest = line.partition(" - ")
        mounted_at = Path(place.split(" ")[4].encode().decode("unicode_escape"))
        if path.is_relative_to(mounted_at):
            found = max(found, (len(mounted_at.parts), rest.split(" ")[0]), key=lambda one: one[0])
    return found[1]


def failure_of(error: sqlite3.Error) -> StoreFull | StoreUnavailable:
    """The StoreError for an error of SQLite."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if name == "SQLITE_FULL":
        return StoreFull(
            "the SQLite store has reached its max_octets, or its disk is full: raise max_octets or free space"
        )
    return StoreUnavailable(f"the SQLite store did not answer: {name}", facts={"why": name})
