"""A SQLite file that was unlinked, replaced, emptied or set back under a running process: noticed, and waited out."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fapikit.errors import StoreError, StoreForgot, StoreUnavailable, UnreadableRecord
from fapikit.stores import Seal, SealedStore, SqliteStore
from fapikit.stores.identity import NEVER, REPLAY_WINDOW
from tests.clocks import FrozenClock
from tests.forks import in_child


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


@pytest.fixture
def store(path: Path, clock: FrozenClock) -> Iterator[SqliteStore]:
    made = SqliteStore(path, clock=clock)
    yield made
    made.close()


def files(path: Path) -> list[Path]:
    return [file for file in path.parent.iterdir() if file.name.startswith(path.name)]


def statements(path: Path, *texts: str) -> None:
    """Somebody else at the same file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for text in texts:
            other.execute(text)


def a_copy(path: Path) -> Path:
    copy = path.with_name("copy.db")
    statements(path, f"VACUUM INTO '{copy}'")
    return copy


def unlink_all(path: Path, _: Path) -> None:
    for file in files(path):
        file.unlink()


def unlink_the_database(path: Path, _: Path) -> None:
    path.unlink()


def rename_a_backup_over_it(path: Path, copy: Path) -> None:
    for beside in files(path):
        beside.unlink()
    copy.rename(path)


def restore_a_backup_into_it(path: Path, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)


def delete_all_entries(path: Path, _: Path) -> None:
    statements(path, "DELETE FROM entries")


def delete_all_tables(path: Path, _: Path) -> None:
    statements(path, "DROP TABLE entries", "DROP TABLE identity")


def replace_with_another_in_use(path: Path, _: Path) -> None:
    other = SqliteStore(path.with_name("other.db"))
    for number in range(50):
        other.put(f"k{number}", b"v", 60)
    other.close()
    unlink_all(path, path)
    path.with_name("other.db").rename(path)


LOSSES = [
    unlink_all,
    unlink_the_database,
    rename_a_backup_over_it,
    restore_a_backup_into_it,
    delete_all_entries,
    delete_all_tables,
    replace_with_another_in_use,
]


def ask(store: Any, face: str, operation: str, *arguments: Any) -> Any:
    if face == "sync":
        return getattr(store, operation)(*arguments)
    return asyncio.run(getattr(store, f"a{operation}")(*arguments))


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("lose", LOSSES)
def test_a_mark_that_was_lost_is_not_taken_for_the_first_again(
    lose: Callable[[Path, Path], None], face: str, path: Path, store: SqliteStore, clock: FrozenClock
) -> None:
    store.put("before", b"v", 600)
    copy = a_copy(path)
    assert ask(store, face, "add", "mark", b"1", 95)
    lose(path, copy)
    errors: list[StoreError] = []
    for _ in range(4):
        with pytest.raises(StoreError) as refused:
            ask(store, face, "add", "mark", b"1", 95)
        errors.append(refused.value)
    assert isinstance(errors[-1], StoreForgot), errors
    assert store.forgot_at == clock()
    with pytest.raises(StoreForgot):
        ask(store, face, "swap", "other", None, b"1", 95)
    ask(store, face, "put", "k", b"v", 60)
    assert ask(store, face, "take", "k") == b"v"
    clock.advance(REPLAY_WINDOW - 1)
    with pytest.raises(StoreForgot) as nearly:
        ask(store, face, "add", "mark", b"1", 95)
    assert nearly.value.retry_after == 1
    clock.advance(1)
    assert ask(store, face, "add", "mark", b"1", 95), "and then it is over"
    assert path.exists()


def test_a_sealed_store_knows_when_the_one_within_forgot(path: Path, clock: FrozenClock) -> None:
    within = SqliteStore(path, clock=clock)
    store = SealedStore(within, Seal([b"k" * 32]))
    assert store.forgot_at == NEVER
    store.add("mark", b"1", 95)
    path.unlink()
    for _ in range(2):
        with pytest.raises(StoreError):
            store.add("mark", b"1", 95)
    assert store.forgot_at == clock()
    within.close()


def test_a_store_that_was_closed_meanwhile_still_knows_what_it_kept(path: Path, store: SqliteStore) -> None:
    store.add("mark", b"1", 95)
    store.close()
    unlink_all(path, path)
    with pytest.raises(StoreForgot):
        store.add("mark", b"1", 95)


def test_a_forked_child_knows_it_too(path: Path, store: SqliteStore) -> None:
    store.add("mark", b"1", 95)
    unlink_all(path, path)

    def child() -> bool:
        try:
            store.add("mark", b"1", 95)
        except StoreForgot:
            return True
        return False

    assert in_child(child)


def test_a_file_that_was_moved_with_all_that_is_in_it_has_forgotten_nothing(
    path: Path, store: SqliteStore, clock: FrozenClock
) -> None:
    store.add("mark", b"1", 95)
    rename_a_backup_over_it(path, a_copy(path))
    with pytest.raises(StoreUnavailable):
        store.add("mark", b"1", 95)
    assert store.forgot_at == NEVER
    assert store.add("mark", b"1", 95) is False
    assert store.add("other", b"1", 95) is True


def test_a_log_that_was_unlinked_is_opened_anew_and_has_forgotten_nothing(
    path: Path, store: SqliteStore
) -> None:
    store.add("mark", b"1", 95)
    Path(f"{path}-wal").unlink()
    with pytest.raises(StoreUnavailable):
        store.add("mark", b"1", 95)
    assert store.add("mark", b"1", 95) is False
    assert store.forgot_at == NEVER


def test_all_processes_wait_as_long(path: Path, clock: FrozenClock) -> None:
    stores = [SqliteStore(path, clock=clock) for _ in range(3)]
    for number, store in enumerate(stores):
        store.add(f"mark {number}", b"1", 95)
    delete_all_entries(path, path)
    with pytest.raises(StoreForgot):
        stores[0].get("k")
    clock.advance(50)
    late = SqliteStore(path, clock=clock)  # a process that begins meanwhile
    for store in (*stores[1:], late):
        with pytest.raises(StoreForgot):
            store.add("mark 0", b"1", 95)
    assert {store.forgot_at for store in (*stores, late)} == {clock() - 50}
    clock.advance(REPLAY_WINDOW - 50)
    assert [store.add("mark 0", b"1", 95) for store in (late, *stores)] == [True, False, False, False]
    for store in (late, *stores):
        store.close()


def test_who_begins_at_a_file_whose_entries_were_deleted_knows_it(path: Path, clock: FrozenClock) -> None:
    first = SqliteStore(path, clock=clock)
    first.add("mark", b"1", 95)
    first.close()
    delete_all_entries(path, path)
    fresh = SqliteStore(path, clock=clock)
    with pytest.raises(StoreForgot):
        fresh.add("mark", b"1", 95)
    fresh.close()


def test_a_file_of_a_version_without_a_record_is_taken_as_it_is(path: Path, clock: FrozenClock) -> None:
    statements(
        path,
        "CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires REAL NOT NULL)",
        f"INSERT INTO entries VALUES ('mark', x'31', {clock() + 95})",
    )
    store = SqliteStore(path, clock=clock)
    assert store.add("mark", b"1", 95) is False
    assert store.add("other", b"1", 95) is True
    assert store.forgot_at == NEVER
    store.close()


# --- failures ---

OPERATIONS: dict[str, tuple[Any, ...]] = {
    "get": (),
    "take": (),
    "put": (b"v", 60),
    "add": (b"v", 60),
    "swap": (b"v", b"w", 60),
}


def every_operation_fails(store: SqliteStore) -> set[type[StoreError]]:
    found = set()
    for operation, arguments in OPERATIONS.items():
        for face in ("sync", "async"):
            with pytest.raises(StoreError) as refused:
                ask(store, face, operation, "k", *arguments)
            found.add(type(refused.value))
    return found


def test_a_file_that_is_overwritten_with_rubbish_is_an_outage_until_it_is_gone(
    path: Path, store: SqliteStore, clock: FrozenClock
) -> None:
    for number in range(200):
        store.put(f"k{number}", b"v" * 1000, 60)
    statements(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(b"\xff" * path.stat().st_size)
    assert every_operation_fails(store) <= {StoreUnavailable, StoreForgot}
    unlink_all(path, path)
    with pytest.raises(StoreForgot):
        store.add("mark", b"1", 95)
    clock.advance(REPLAY_WINDOW)
    assert store.add("mark", b"1", 95)


def test_a_directory_that_is_gone_is_an_outage(path: Path, store: SqliteStore) -> None:
    store.put("k", b"v", 60)
    shutil.rmtree(path.parent)
    assert every_operation_fails(store) == {StoreUnavailable}
    path.parent.mkdir()
    with pytest.raises(StoreForgot):
        store.get("k")


@pytest.mark.parametrize("value", ["'text'", "7", "1.5"])
def test_a_value_that_no_store_wrote_is_told(value: str, path: Path, store: SqliteStore) -> None:
    store.put("k", b"v", 60)
    statements(path, f"UPDATE entries SET value = {value} WHERE key = 'k'")
    for face in ("sync", "async"):
        with pytest.raises(UnreadableRecord):
            ask(store, face, "get", "k")
    with pytest.raises(UnreadableRecord):
        store.take("k")


@pytest.mark.parametrize("change", ["name = 7", "forgot_at = 'x'", "writes = 'many'"])
def test_a_record_of_identity_that_no_store_wrote_is_told(
    change: str, path: Path, store: SqliteStore
) -> None:
    store.put("k", b"v", 60)
    statements(
        path,
        f"UPDATE identity SET {change}",
        "UPDATE entries SET value = (SELECT name FROM identity) WHERE key = ''",
    )
    with pytest.raises((UnreadableRecord, StoreForgot)):
        store.get("k")


HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_file_that_another_process_holds_is_an_outage_from_the_first_operation_on(path: Path) -> None:
    SqliteStore(path).put("k", b"v", 60)
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        store = SqliteStore(path, timeout=0.05)
        with pytest.raises(StoreUnavailable) as refused:
            store.add("k", b"v", 60)
        assert refused.value.facts["why"] == "SQLITE_BUSY"
        holder.communicate("\n")
    assert store.add("k", b"v", 60) is False
    store.close()


def test_nobody_is_forgotten_where_only_a_lock_was_waited_for(path: Path, store: SqliteStore) -> None:
    store.add("mark", b"1", 95)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM entries")
        assert store.get("mark") == b"1"
        other.execute("ROLLBACK")
    assert store.add("mark", b"1", 95) is False
