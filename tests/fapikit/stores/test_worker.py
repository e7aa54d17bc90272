"""The thread of a store: it does what event loops ask for, and ends with the store."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path

import pytest

from fapikit.stores import SqliteStore
from fapikit.stores.worker import Worker
from tests.forks import in_child

NAME = "a worker under test"


def threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_it_answers_several_loops_with_one_thread_and_raises_what_the_work_raises() -> None:
    worker = Worker(NAME)

    async def main() -> None:
        assert await asyncio.gather(*[worker.run(lambda n=n: n * 2) for n in range(20)]) == [
            n * 2 for n in range(20)
        ]
        with pytest.raises(KeyError):
            await worker.run(lambda: {}["absent"])
        assert len(threads(NAME)) == 1

    asyncio.run(main())
    asyncio.run(main())
    (thread,) = threads(NAME)
    worker.end()
    thread.join(10)
    assert not thread.is_alive()
    assert asyncio.run(worker.run(lambda: "again")) == "again"
    worker.end()


def test_work_that_has_begun_is_finished_though_its_caller_is_cancelled_or_its_loop_closed() -> None:
    worker, begun, may_end, done = Worker(NAME), threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        may_end.wait(10)
        done.set()

    async def cancelled() -> None:
        task = asyncio.ensure_future(worker.run(work))
        while not begun.is_set():
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert not done.is_set()
    may_end.set()
    assert asyncio.run(worker.run(lambda: done.is_set())), "one job after another"
    worker.end()


def test_an_idle_thread_holds_nothing_of_its_last_job() -> None:
    class Secret:
        pass

    worker, secret = Worker(NAME), Secret()
    assert asyncio.run(worker.run(lambda held=secret: held is not None))
    asyncio.run(worker.run(int))
    assert not [one for one in gc.get_referrers(secret) if type(one).__name__ in ("_Job", "frame")]
    worker.end()


def test_a_forked_child_has_a_thread_of_its_own(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db")

    async def write(key: str) -> bool:
        return await store.aadd(key, b"v", 60)

    assert asyncio.run(write("parent"))
    assert in_child(lambda: asyncio.run(write("child")))
    assert store.get("child") == b"v"
    store.close()


def test_the_thread_ends_with_its_store(tmp_path: Path) -> None:
    def ours() -> set[threading.Thread]:
        return set(threads("fapikit SQLite store"))

    before = ours()
    for end in ("close", "aclose", "forget"):
        store = SqliteStore(tmp_path / "s.db")

        async def use(store: SqliteStore = store, *, aclose: bool = end == "aclose") -> None:
            await store.aput("k", b"v", 60)
            if aclose:
                await store.aclose()

        asyncio.run(use())
        made = ours() - before
        if end == "close":
            store.close()
        del store, use
        gc.collect()
        for thread in made:
            thread.join(10)
            assert not thread.is_alive(), end
