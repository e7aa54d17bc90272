"""SQLite: what outlives a killed process, a fork, a lock and a broken file."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fapikit.errors import ConfigurationError, StoreError, StoreFull, StoreUnavailable
from fapikit.stores import SqliteStore, sqlite_file
from fapikit.stores import sqlite as sqlite_store
from fapikit.stores.together import Operation
from tests.clocks import FrozenClock
from tests.forks import in_child

WRITER = """
import sys
from fapikit.stores import SqliteStore
store = SqliteStore(sys.argv[1])
for number in range(1_000_000):
    store.put(f"k{number}", b"v" * 100, 600)
    print(number, flush=True)
"""


def test_what_was_written_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(50):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    written = 49 + len(process.stdout.read().split("\n")) - 1
    process.wait()
    process.stdout.close()
    store = SqliteStore(path)
    for number in range(written):
        assert store.get(f"k{number}") == b"v" * 100
    assert store.add("k-new", b"v", 60)
    store.close()


def test_no_name_of_a_file_means_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (":memory:", "file::memory:?cache=shared"):
        store = SqliteStore(name)
        store.put("k", b"v", 60)
        store.close()
        assert store.get("k") == b"v", "what a store in memory would have forgotten"
        store.close()
        assert (tmp_path / name).stat().st_size > 0


HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE entries SET value = x'00'")
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_process_killed_in_the_middle_of_a_write_loses_nothing_of_others_and_holds_nobody_up(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path / "s.db", timeout=2)
    store.put("k", b"v", 600)
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "s.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert store.get("k") == b"v"
    assert store.swap("k", b"v", b"w", 600)
    store.close()


def test_uses_write_ahead_logging_and_shows_the_file_to_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = SqliteStore(path, synchronous="FULL")
    store.put("k", b"v", 60)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for extra in ("s.db-wal", "s.db-shm"):
        assert stat.S_IMODE((tmp_path / extra).stat().st_mode) == 0o600
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    store.close()


def test_a_forked_child_opens_its_own_connection_and_leaves_the_parents_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db")
    store.put("k", b"parent", 60)
    store._lock.acquire()  # as if another thread were at work at the moment of the fork
    try:

        def check() -> bool:
            found = store.get("k") == b"parent"
            store.put("k", b"child", 60)
            return found and store.add("c", b"1", 60)

        assert in_child(check)
    finally:
        store._lock.release()
    assert store.get("k") == b"child"
    assert store.swap("k", b"child", b"parent again", 60)
    store.close()


def test_an_expired_entry_is_swept_away(tmp_path: Path) -> None:
    clock = FrozenClock()
    store = SqliteStore(tmp_path / "s.db", clock=clock)
    for number in range(10):
        store.put(f"old{number}", b"v", 5)
    clock.advance(6)
    for number in range(600):
        store.put("same", b"%d" % number, 60)
    with sqlite3.connect(tmp_path / "s.db") as other:
        assert other.execute("SELECT key FROM entries ORDER BY key").fetchall() == [("",), ("same",)]
    other.close()
    store.close()


def test_a_lock_that_is_held_too_long_is_an_outage(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db", timeout=0.05)
    store.put("k", b"v", 60)
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnavailable) as refused:
        store.put("k", b"w", 60)
    assert refused.value.facts["why"] == "SQLITE_BUSY"
    other.execute("ROLLBACK")
    other.close()
    assert store.get("k") == b"v"
    store.close()


def test_a_file_that_is_no_database_is_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(b"this is no database, but long enough to look like one" * 100)
    with pytest.raises(StoreUnavailable):
        SqliteStore(path).get("k")
    with pytest.raises(StoreUnavailable):
        SqliteStore(tmp_path / "no" / "such" / "directory.db").get("k")


def test_a_full_disk_is_a_full_store(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db")
    store.put("k", b"v", 60)
    assert store._database._connection is not None
    store._database._connection.execute("PRAGMA max_page_count = 10")
    with pytest.raises(StoreFull):
        store.put("big", b"v" * 1_000_000, 60)
    assert store.get("k") == b"v"
    store.close()


def fill(store: SqliteStore, name: str) -> int:
    """How many entries of a thousand octets it takes."""
    for number in range(1000):
        try:
            store.put(f"{name}{number}", b"v" * 1000, 60)
        except StoreFull:
            return number
    return 1000


def test_a_store_grows_to_its_octets_and_no_further_and_forgets_nothing_that_lives(tmp_path: Path) -> None:
    clock = FrozenClock()
    store = SqliteStore(tmp_path / "s.db", max_octets=200_000, clock=clock)
    store.put("long", b"l" * 1000, 1000)
    kept = fill(store, "k")
    assert 100 < kept < 200
    assert (tmp_path / "s.db").stat().st_size <= 200_000
    assert all(store.get(f"k{number}") == b"v" * 1000 for number in range(kept))
    with pytest.raises(StoreFull):
        store.add("mark", b"v" * 5000, 60)
    clock.advance(61)
    assert store.add("mark", b"v" * 5000, 60), "what has ended makes room"
    assert store.get("long") == b"l" * 1000
    store.close()
    again = SqliteStore(tmp_path / "s.db", max_octets=200_000, clock=clock)
    assert fill(again, "n") < 200
    again.close()


def test_a_sweep_lets_go_a_few_and_finds_them_by_an_index(tmp_path: Path) -> None:
    clock = FrozenClock()
    store = SqliteStore(tmp_path / "s.db", clock=clock)
    for number in range(500):
        store.put(f"old{number}", b"v", 5)
    clock.advance(6)
    before = 500
    with closing(sqlite3.connect(tmp_path / "s.db")) as other:
        for number in range(100):
            store.put(f"new{number}", b"v", 60)
            (left,) = other.execute("SELECT count(*) FROM entries WHERE key LIKE 'old%'").fetchone()
            assert before - left <= 64
            before = left
        assert before < 500 - 2 * 64
        plan = other.execute(f"EXPLAIN QUERY PLAN {sqlite_store._SWEEP}", {"now": clock()}).fetchall()
    assert any("entries_expires (expires<?)" in row[3] for row in plan), plan
    store.close()


CROWDED = """
import resource, signal, sys
from fapikit.errors import StoreError
from fapikit.stores import SqliteStore
store = SqliteStore(sys.argv[1])
store.put("k", b"v" * 100, 600)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
try:
    for number in range(1000):
        store.put(f"k{number}", b"v" * 1000, 600)
except StoreError as error:
    print(type(error).__name__, number > 10, store.get("k0") == b"v" * 1000)
"""


def test_a_disk_that_takes_no_more_is_an_outage_and_what_was_written_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CROWDED, str(tmp_path / "s.db")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert told[0] in ("StoreFull", "StoreUnavailable")
    assert told[1:] == ["True", "True"]


@pytest.mark.parametrize("path", ["", "."])
def test_what_is_no_file_is_no_store(path: str) -> None:
    with pytest.raises(ConfigurationError, match="path of a file"):
        SqliteStore(path)


def test_a_relative_path_stays_where_it_was_when_the_process_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = SqliteStore("s.db")
    monkeypatch.chdir("/")
    assert store.add("k", b"v", 60)
    assert (tmp_path / "s.db").exists()
    store.close()


@pytest.mark.parametrize(
    "kind, word",
    [("tmpfs", "restart of the host"), ("nfs4", "no other host"), ("overlay", "container"), ("ext4", None)],
)
def test_what_lies_beneath_the_file_is_said(
    kind: str, word: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "filesystem_of", lambda _: kind)
    store = SqliteStore(tmp_path / "s.db")
    promise = store.check()
    assert (promise.shared, promise.durable) == (True, True)
    assert [word in warning for warning in promise.warnings] == ([] if word is None else [True])
    store.close()


def test_the_file_system_of_a_path_is_that_of_the_closest_mount() -> None:
    if sys.platform == "linux":
        assert sqlite_file.filesystem_of(Path("/proc/self/mountinfo")) == "proc"
    assert sqlite_file.filesystem_of(Path("/no/such/place")) == sqlite_file.filesystem_of(Path("/"))


def test_closes_and_opens_again(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db")
    store.put("k", b"v", 60)
    store.close()
    store.close()
    assert store.get("k") == b"v"
    store.close()
    assert "k" not in repr(store).replace(str(tmp_path), "")


def test_a_child_never_holds_the_parents_locks(tmp_path: Path) -> None:
    assert hasattr(os, "register_at_fork")
    store = SqliteStore(tmp_path / "s.db")
    before = store._lock
    store.after_fork()
    assert store._lock is not before


def test_a_write_that_happened_is_reported_though_the_sweep_after_it_fails(tmp_path: Path) -> None:
    clock = FrozenClock()
    store = SqliteStore(tmp_path / "store.db", clock=clock)
    store.put("first", b"1", 1)
    with closing(sqlite3.connect(tmp_path / "store.db")) as other:
        other.execute("CREATE TRIGGER stuck BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'stuck'); END")
        other.commit()
    store._writes = 0  # a sweep is due
    clock.advance(2)
    assert store.add("mark", b"1", 60) is True
    assert store.add("mark", b"1", 60) is False
    store.close()


def test_a_store_that_nobody_holds_leaves_no_file_open(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db")
    store.put("k", b"v", 60)
    connection = store._database._connection
    assert connection is not None
    del store
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_an_event_loop_reads_by_itself_and_leaves_what_may_take_long_to_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, in_threads = SqliteStore(tmp_path / "s.db"), []
    start = store._worker.start

    def noted(job: Any) -> None:
        in_threads.append(job)
        start(job)

    monkeypatch.setattr(store._worker, "start", noted)

    async def main() -> None:
        assert await store.aget("k") is None
        assert len(in_threads) == 1, "it opened the file"
        await store.aput("k", b"v", 60)
        assert len(in_threads) == 2
        assert await store.aget("k") == b"v"
        assert await store.atogether([Operation("get", "k"), Operation("get", "other")]) == [b"v", None]
        with sqlite3.connect(tmp_path / "s.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await store.aget("k") == b"v", "a reader waits for no writer"
            other.execute("ROLLBACK")
        other.close()
        assert len(in_threads) == 2
        with store._lock:
            reading = asyncio.ensure_future(store.aget("k"))
            await asyncio.sleep(0)
            assert len(in_threads) == 3, "another thread uses the file"
        assert await reading == b"v"
        (tmp_path / "s.db").unlink()
        with pytest.raises(StoreError):
            await store.aget("k")
        await store.aclose()

    asyncio.run(main())
