"""A SQLite store's connection to its file, and the look after each operation: is this the store that is known?"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final, NoReturn, Self, TypeAlias

from fapikit.clock import Clock
from fapikit.errors import StoreUnavailable, UnreadableRecord
from fapikit.stores.identity import NEVER, Acquaintance, Identity, new_name, raise_forgot
from fapikit.stores.sqlite_file import SqliteFile, Stamp, failure_of

Done: TypeAlias = tuple[list[tuple[Any, ...]], int]
"""The rows, and how many were changed."""

# The record holds for the entries among which its name lies: no entry's own key is empty.
_MET: Final = (
    "SELECT name, forgot_at, writes FROM identity WHERE name = (SELECT value FROM entries WHERE key = '')"
)
_COUNT: Final = "UPDATE identity SET writes = writes + 1"
_COUNTED: Final = "SELECT max(writes) FROM identity"
_END_RECORD: Final = "DELETE FROM identity"
_WRITE_RECORD: Final = "INSERT INTO identity VALUES (?, ?, ?)"
_WRITE_NAME: Final = "INSERT OR REPLACE INTO entries VALUES ('', ?, 9e999)"


class SqliteDatabase:
    """Not for two threads at once. It opens its file when it needs it, and again after `close`."""

    def __init__(self, file: SqliteFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._stamp: Stamp = (None, None)
        self._known: Acquaintance | None = None

    @property
    def forgot_at(self) -> float:
        return NEVER if self._known is None else self._known.forgot_at

    def read(self, statement: str, entry: Mapping[str, Any]) -> Done:
        """Raises StoreForgot; StoreUnavailable, also where other files lie at the path now."""
        known, now = self._opened(), self._clock()
        done = self.execute(statement, entry)
        writes = self._require_known(known)
        self._require_same_files()
        known.writes, known.held_at = writes, now
        return done

    def write(self, statement: str, entry: Mapping[str, Any], *, is_mark: bool) -> Done:
        """One statement, counted in one transaction: nothing is done in another store than the one that is known.

        Raises StoreForgot; StoreFull; StoreUnavailable, also where other files lie at the path now.
        """
        known, now = self._opened(), self._clock()
        if is_mark:  # nobody is the first where marks may have been lost
            known.require_settled(now)
        with _Transaction(self) as transaction:
            transaction.is_void = True
            writes = self._require_known(known)
            self.execute(_COUNT)
            _, changed = done = self.execute(statement, entry)
            transaction.is_void = changed == 0
        self._require_same_files()
        known.writes, known.held_at = writes + (changed > 0), now
        return done

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def undo(self) -> None:
        """Leave the transaction; where that fails it ends with the connection."""
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()

    def let_go(self) -> sqlite3.Connection | None:
        """The connection, which is not closed."""
        connection, self._connection = self._connection, None
        return connection

    def _opened(self) -> Acquaintance:
        """What is known of the store, whose file is open now. Raises StoreError."""
        if self._connection is None:
            try:
                self._connection, self._stamp = self._file.open()
            except sqlite3.Error as error:
                raise failure_of(error) from error
            if self._known is not None:
                self._require_known(self._known)
        if self._known is None:
            self._known = self._met()
        return self._known

    def _require_known(self, known: Acquaintance) -> int:
        """How many writes the store has counted. Raises StoreForgot."""
        found = _identity_of(self.execute(_MET)[0])
        if found is None or not known.recognises(found, known.writes):
            self._lost(known)
        return found.writes

    def _require_same_files(self) -> None:
        """What was done was done in the files at the path. Raises StoreUnavailable; StoreForgot."""
        if self._file.stamp() != self._stamp:
            self.close()
            self._opened()  # which tells whether anything was lost
            raise StoreUnavailable("other files took the place of the SQLite store's: they are opened now")

    def execute(self, statement: str, arguments: Mapping[str, Any] | tuple[Any, ...] = ()) -> Done:
        """One statement, and no look at whose store it is. Raises StoreFull, StoreUnavailable."""
        if self._connection is None:
            raise StoreUnavailable("the SQLite file was closed meanwhile")
        try:
            cursor = self._connection.execute(statement, arguments)
            return cursor.fetchall(), cursor.rowcount
        except sqlite3.Error as error:
            failure = failure_of(error)
            if isinstance(failure, StoreUnavailable) and failure.facts["why"] != "SQLITE_BUSY":
                self.close()  # it may be the file's fault: the next operation opens the one that is there then
            raise failure from error

    def _met(self) -> Acquaintance:
        """The record is read, or the first one written. A record whose name the entries do not hold has lost them."""
        now = self._clock()
        with _Transaction(self):
            found = _identity_of(self.execute(_MET)[0])
            if found is None:
                (counted,) = self.execute(_COUNTED)[0][0]
                found = self._renewed(NEVER if counted is None else now)
        return Acquaintance(found, now)

    def _lost(self, known: Acquaintance) -> NoReturn:
        """Write down that the store forgot, unless another process has done so already. Raises StoreForgot."""
        now = self._clock()
        self.undo()
        with _Transaction(self):
            found = _identity_of(self.execute(_MET)[0])
            if found is None or not known.is_told_of(found):
                found = self._renewed(now)
        self._known = Acquaintance(found, now)
        raise_forgot()

    def _renewed(self, forgot_at: float) -> Identity:
        """Another record; it goes on counting."""
        (counted,) = self.execute(_COUNTED)[0][0]
        fresh = Identity(new_name(), forgot_at, counted or 0)
        self.execute(_END_RECORD)
        self.execute(_WRITE_RECORD, fresh)
        self.execute(_WRITE_NAME, (fresh.name,))
        return fresh


class _Transaction:
    """All or nothing. `is_void`: nothing was changed, and nothing is to be."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self.is_void = False

    def __enter__(self) -> Self:
        self._database.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None and not self.is_void:
                self._database.execute("COMMIT")
        finally:
            self._database.undo()  # what has not ended


def _identity_of(rows: list[tuple[Any, ...]]) -> Identity | None:
    """None where there is no record. Raises UnreadableRecord for one that is not a store's."""
    if not rows:
        return None
    name, forgot_at, writes = rows[0]
    if not isinstance(name, str) or not isinstance(forgot_at, float) or not isinstance(writes, int):
        raise UnreadableRecord("the SQLite store's record of itself was not written by a store")
    return Identity(name, forgot_at, writes)
