"""The connection of a SQLite store to its file, and the check after each operation: is this still the same store?"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn, Self, TypeAlias

from fapikit.clock import Clock
from fapikit.errors import StoreError, StoreForgot, StoreUnavailable, UnreadableRecord
from fapikit.stores.identity import NEVER, Acquaintance, Identity, new_name, raise_forgot
from fapikit.stores.sqlite_file import SqliteFile, Stamp, failure_of

Done: TypeAlias = tuple[list[tuple[Any, ...]], int]
"""The rows, and how many rows were changed."""


class Step(NamedTuple):
    """One operation. `is_decisive`: if it changes nothing, the steps after it are not done."""

    statement: str
    entry: dict[str, Any]
    is_decisive: bool = False

    def __repr__(self) -> str:
        return "Step()"  # the entry may be a secret


class Writing(NamedTuple):
    """Steps that go together. `is_mark`: one of them decides that something is used for the first time."""

    steps: Sequence[Step]
    is_mark: bool


# The record belongs to the entries if one of them, with the empty key, has its name. No other entry has an empty key.
_MET: Final = (
    "SELECT name, forgot_at, writes FROM identity WHERE name = (SELECT value FROM entries WHERE key = '')"
)
_COUNT: Final = (
    "UPDATE identity SET writes = writes + 1 WHERE name = (SELECT value FROM entries WHERE key = '')"
    " RETURNING name, forgot_at, writes"
)
_COUNTED: Final = "SELECT max(writes) FROM identity"
_END_RECORD: Final = "DELETE FROM identity"
_WRITE_RECORD: Final = "INSERT INTO identity VALUES (?, ?, ?)"
_WRITE_NAME: Final = "INSERT OR REPLACE INTO entries VALUES ('', ?, 9e999)"


class SqliteDatabase:
    """It must not be used by two threads at once. It opens its file when needed, and again after `close`."""

    def __init__(self, file: SqliteFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._stamp: Stamp = (None, None)
        self._known: Acquaintance | None = None

    @property
    def forgot_at(self) -> float:
        return NEVER if self._known is None else self._known.forgot_at

    def read(self, steps: Sequence[Step]) -> list[Done]:
        """Do steps that read. Raises StoreForgot; StoreUnavailable, also if other files are at the path now."""
        known, now = self._opened(), self._clock()
        done = [self.execute(step.statement, step.entry) for step in steps]
        writes = self._require_known(known)
        self._require_same_files()
        known.writes, known.held_at = writes, now
        return done

    def glance(self, steps: Sequence[Step]) -> list[Done] | None:
        """As `read`, but None in every case that is not the usual one: then only `read` can tell. It does not wait."""
        known, now = self._known, self._clock()
        if known is None or self._connection is None:
            return None
        try:
            done = [self.execute(step.statement, step.entry) for step in steps]
            found = _identity_of(self.execute(_MET)[0])
        except StoreError:
            return None
        if found is None or not known.recognises(found, known.writes) or self._file.stamp() != self._stamp:
            return None
        known.writes, known.held_at = found.writes, now
        return done

    def write(self, group: Sequence[Writing]) -> list[list[Done] | StoreForgot]:
        """Do all in one transaction, and count it as a write. Nothing is written into an unknown store.

        Marks are refused by themselves while lost ones may still matter: StoreForgot is in their place then.
        Raises StoreForgot; StoreFull; StoreUnavailable, also if other files are at the path now.
        """
        known, now = self._opened(), self._clock()
        refusal = self._refusal_of_marks(known, now) if any(one.is_mark for one in group) else None
        if refusal is not None and all(one.is_mark for one in group):
            return [refusal for _ in group]
        with _Transaction(self) as transaction:
            writes = self._count(known)
            outcomes = [refusal if one.is_mark and refusal else self._do(one.steps) for one in group]
            transaction.is_void = not any(
                changed > 0 for done in outcomes if isinstance(done, list) for _, changed in done
            )
        self._require_same_files()
        known.writes, known.held_at = writes - transaction.is_void, now
        return outcomes

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def undo(self) -> None:
        """Roll the transaction back. If that fails, close the connection, which ends it."""
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()

    def let_go(self) -> sqlite3.Connection | None:
        """Give the connection up without closing it, and return it."""
        connection, self._connection = self._connection, None
        return connection

    def _do(self, steps: Sequence[Step]) -> list[Done]:
        done: list[Done] = []
        for step in steps:
            outcome = self.execute(step.statement, step.entry)
            done.append(outcome)
            if step.is_decisive and outcome[1] <= 0:
                break
        return done

    def _refusal_of_marks(self, known: Acquaintance, now: float) -> StoreForgot | None:
        """No first use can be proven if marks were lost."""
        try:
            known.require_settled(now)
        except StoreForgot as error:
            return error
        return None

    def _opened(self) -> Acquaintance:
        """Open the file if it is not open. Returns what is known of the store. Raises StoreError."""
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
        """Check the identity record. Returns the number of writes that the store has counted. Raises StoreForgot."""
        found = _identity_of(self.execute(_MET)[0])
        if found is None or not known.recognises(found, known.writes):
            self._lost(known)
        return found.writes

    def _count(self, known: Acquaintance) -> int:
        """Count a write, and check the identity record. Returns the number with this write. Raises StoreForgot."""
        found = _identity_of(self.execute(_COUNT)[0])
        if found is None or not known.recognises(found, known.writes + 1):
            self._lost(known)
        return found.writes

    def _require_same_files(self) -> None:
        """Check that the open files are those at the path. Raises StoreUnavailable; StoreForgot."""
        if self._file.stamp() != self._stamp:
            self.close()
            self._opened()  # it raises StoreForgot if data were lost
            raise StoreUnavailable(
                "the files of the SQLite store were replaced by other files, which are open now"
            )

    def execute(self, statement: str, arguments: Mapping[str, Any] | tuple[Any, ...] = ()) -> Done:
        """Run one statement without a check of the identity record. Raises StoreFull, StoreUnavailable."""
        if self._connection is None:
            raise StoreUnavailable("the SQLite file was closed in the meantime")
        try:
            cursor = self._connection.execute(statement, arguments)
            return cursor.fetchall(), cursor.rowcount
        except sqlite3.Error as error:
            failure = failure_of(error)
            if isinstance(failure, StoreUnavailable) and failure.facts["why"] != "SQLITE_BUSY":
                self.close()  # the file may be damaged: the next operation opens the file that is at the path then
            raise failure from error

    def _met(self) -> Acquaintance:
        """Read the record, or write the first one. If no entry has the name of the record, the entries are lost."""
        now = self._clock()
        with _Transaction(self):
            found = _identity_of(self.execute(_MET)[0])
            if found is None:
                (counted,) = self.execute(_COUNTED)[0][0]
                found = self._renewed(NEVER if counted is None else now)
        return Acquaintance(found, now)

    def _lost(self, known: Acquaintance) -> NoReturn:
        """Write the loss into the record, unless another process has done so. Raises StoreForgot."""
        now = self._clock()
        self.undo()
        with _Transaction(self):
            found = _identity_of(self.execute(_MET)[0])
            if found is None or not known.is_told_of(found):
                found = self._renewed(now)
        self._known = Acquaintance(found, now)
        raise_forgot()

    def _renewed(self, forgot_at: float) -> Identity:
        """Write a new record. Its number of writes continues."""
        (counted,) = self.execute(_COUNTED)[0][0]
        fresh = Identity(new_name(), forgot_at, counted or 0)
        self.execute(_END_RECORD)
        self.execute(_WRITE_RECORD, fresh)
        self.execute(_WRITE_NAME, (fresh.name,))
        return fresh


class _Transaction:
    """A transaction: all or nothing. `is_void`: nothing was changed, so it is rolled back."""

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
            self._database.undo()  # a transaction that is not committed


def _identity_of(rows: list[tuple[Any, ...]]) -> Identity | None:
    """None if there is no record. Raises UnreadableRecord for a record that no store wrote."""
    if not rows:
        return None
    name, forgot_at, writes = rows[0]
    # RETURNING tells a whole number of a REAL column as an integer.
    if not isinstance(name, str) or not isinstance(forgot_at, float | int) or not isinstance(writes, int):
        raise UnreadableRecord("another program wrote the identity record in the SQLite file")
    return Identity(name, float(forgot_at), writes)
