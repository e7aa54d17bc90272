"""Writes of an event loop that wait together go into one transaction, and each gets its own outcome."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fapikit.errors import StoreForgot, StoreFull, StoreUnavailable, UnreadableRecord
from fapikit.stores import SqliteStore
from fapikit.stores.identity import REPLAY_WINDOW
from fapikit.stores.together import Operation
from fapikit.stores.write_group import MAX_GROUP
from tests.clocks import FrozenClock
from tests.forks import in_child


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def store(tmp_path: Path, clock: FrozenClock) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "s.db", clock=clock)
    yield made
    made.close()


def transactions(store: SqliteStore) -> list[str]:
    """The transactions that the store begins from now on."""
    begun: list[str] = []
    store.get("it opens the file")
    connection = store._database._connection
    assert connection is not None
    connection.set_trace_callback(
        lambda statement: begun.append(statement) if statement.startswith("BEGIN") else None
    )
    return begun


async def waiting_together(store: SqliteStore, *writes: object) -> list[object]:
    """Their outcomes. The thread of the store is busy until all of them wait."""
    with store._lock:
        pending = [asyncio.ensure_future(one) for one in (store.aput("first", b"v", 60), *writes)]  # type: ignore[arg-type, list-item]
        await asyncio.sleep(0)
    return (await asyncio.gather(*pending, return_exceptions=True))[1:]


def test_what_waits_together_is_one_transaction_in_the_order_in_which_it_came(store: SqliteStore) -> None:
    begun = transactions(store)

    async def main() -> None:
        outcomes = await waiting_together(
            store,
            store.aadd("k", b"1", 60),
            store.aadd("k", b"2", 60),
            store.aswap("k", b"1", b"3", 60),
            store.atogether([Operation("add", "k", b"4", 60), Operation("put", "never", b"v", 60)]),
            store.atake("k"),
        )
        assert outcomes == [True, False, True, [False], b"3"]

    asyncio.run(main())
    assert len(begun) <= 2, "the first may have begun before the others came"
    assert store.get("k") is None
    assert store.get("never") is None


def test_more_than_a_group_is_several_groups(store: SqliteStore) -> None:
    begun = transactions(store)

    async def main() -> list[object]:
        return await waiting_together(store, *[store.aadd(f"k{n}", b"v", 60) for n in range(2 * MAX_GROUP)])

    assert asyncio.run(main()) == [True] * (2 * MAX_GROUP)
    assert 2 <= len(begun) <= 4


def test_while_lost_marks_may_matter_marks_alone_are_refused(
    store: SqliteStore, clock: FrozenClock, tmp_path: Path
) -> None:
    store.put("k", b"v", 600)
    with closing(sqlite3.connect(tmp_path / "s.db", isolation_level=None)) as other:
        other.execute("DELETE FROM entries")
    with pytest.raises(StoreForgot):
        store.get("k")

    async def main() -> list[object]:
        return await waiting_together(store, store.aadd("m", b"v", 600), store.aput("k", b"v", 600))

    mark, put = asyncio.run(main())
    assert isinstance(mark, StoreForgot)
    assert mark.retry_after == REPLAY_WINDOW
    assert put is None
    assert store.get("k") == b"v"
    assert store.get("m") is None


def test_a_write_that_does_not_fit_does_not_fail_the_others(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db", max_octets=200_000)

    async def main() -> list[object]:
        return await waiting_together(
            store, store.aput("a", b"v", 60), store.aput("b", bytes(400_000), 60), store.aadd("c", b"v", 60)
        )

    small, large, last = asyncio.run(main())
    assert (small, last) == (None, True)
    assert isinstance(large, StoreFull)
    assert (store.get("a"), store.get("b"), store.get("c")) == (b"v", None, b"v")
    store.close()


def test_a_key_that_cannot_be_written_does_not_fail_the_others(store: SqliteStore) -> None:
    async def main() -> list[object]:
        return await waiting_together(
            store, store.aput("a", b"v", 60), store.aput("\ud800", b"v", 60), store.aput("c", b"v", 60)
        )

    first, bad, last = asyncio.run(main())
    assert (first, last) == (None, None)
    assert isinstance(bad, UnicodeEncodeError)
    assert (store.get("a"), store.get("c")) == (b"v", b"v")


def test_what_another_program_wrote_fails_the_one_who_reads_it(store: SqliteStore, tmp_path: Path) -> None:
    store.put("k", b"v", 60)
    with closing(sqlite3.connect(tmp_path / "s.db", isolation_level=None)) as other:
        other.execute("UPDATE entries SET value = 'text' WHERE key = 'k'")

    async def main() -> list[object]:
        return await waiting_together(store, store.atake("k"), store.aadd("m", b"v", 60))

    taken, added = asyncio.run(main())
    assert isinstance(taken, UnreadableRecord)
    assert added is True


def test_each_caller_of_a_store_that_does_not_answer_gets_an_error_of_its_own(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db", timeout=0.01)
    store.put("k", b"v", 60)
    with closing(sqlite3.connect(tmp_path / "s.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        async def main() -> list[object]:
            return await waiting_together(store, store.aadd("m", b"v", 60), store.aput("n", b"v", 60))

        one, two = asyncio.run(main())
        other.execute("ROLLBACK")
    assert isinstance(one, StoreUnavailable)
    assert isinstance(two, StoreUnavailable)
    assert one is not two
    store.close()


def test_a_caller_that_is_cancelled_does_not_stop_the_others(store: SqliteStore) -> None:
    async def main() -> None:
        with store._lock:
            first = asyncio.ensure_future(store.aput("first", b"v", 60))
            cancelled = asyncio.ensure_future(store.aadd("k", b"v", 60))
            last = asyncio.ensure_future(store.aadd("last", b"v", 60))
            await asyncio.sleep(0)
            cancelled.cancel()
        assert await last is True
        await first
        assert await store.aget("k") == b"v", "what was asked for is done"

    asyncio.run(main())


def test_a_child_does_not_write_what_waits_in_its_parent(store: SqliteStore) -> None:
    async def main() -> None:
        with store._lock:
            pending = [asyncio.ensure_future(store.aadd(f"k{n}", b"v", 60)) for n in range(3)]
            await asyncio.sleep(0)
            assert in_child(lambda: store._group._waiting == [])
        assert await asyncio.gather(*pending) == [True] * 3

    asyncio.run(main())
