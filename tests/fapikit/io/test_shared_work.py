"""Shared work: one runs, all wait, whatever happens to whom."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fapikit.errors import DeadlineExceeded
from fapikit.flow import Flow, background, shared, sleep
from fapikit.io import AsyncDriver, SyncDriver
from tests.forks import in_child

request_of = contextvars.ContextVar[str]("request_of")


class Work:
    """Counts its runs; in threads it waits at a gate, in loops it sleeps."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.runs = 0
        self.error = error
        self.gate = threading.Event()
        self.seen: list[str] = []

    def flow(self) -> Flow[int]:
        self.runs += 1
        self.seen.append(request_of.get("nobody's"))
        self.gate.wait(5)
        yield from sleep(0)
        if self.error is not None:
            raise self.error
        return self.runs

    def ask(self, deadline: float = 5) -> Flow[int]:
        return (yield from shared("key", self.flow, deadline=deadline))

    def start(self) -> Flow[None]:
        yield from background("key", self.flow)


def in_threads(driver: SyncDriver, work: Work, count: int) -> list[Any]:
    """The outcomes of so many threads that ask at once."""
    entered = threading.Barrier(count + 1)

    def run() -> Any:
        entered.wait()
        try:
            return driver.run(work.ask())
        except BaseException as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(run) for _ in range(count)]
        entered.wait()
        while not work.runs:
            pass
        for _ in range(1000):
            if len(driver._shared._running) == 1:
                break
        threading.Timer(0.05, work.gate.set).start()
        return [one.result() for one in asked]


def test_one_thread_works_and_all_get_its_outcome() -> None:
    work = Work()
    assert in_threads(SyncDriver(), work, 8) == [1] * 8
    assert work.runs == 1


def test_afterwards_the_work_is_done_anew() -> None:
    work, driver = Work(), SyncDriver()
    work.gate.set()
    assert [driver.run(work.ask()), driver.run(work.ask())] == [1, 2]


def test_every_waiter_gets_the_error_of_the_leader() -> None:
    work = Work(ValueError("broken"))
    outcomes = in_threads(SyncDriver(), work, 4)
    assert [str(outcome) for outcome in outcomes] == ["broken"] * 4
    assert work.runs == 1


@pytest.mark.parametrize("end", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_a_leader_that_is_ended_does_not_end_those_who_wait(end: BaseException) -> None:
    outcomes = in_threads(SyncDriver(), Work(end), 3)
    assert [type(outcome) for outcome in outcomes] == [RuntimeError] * 3
    assert type(end).__name__ in str(outcomes[0])


def test_a_timeout_of_the_work_is_its_own_and_no_deadline() -> None:
    work = Work(TimeoutError("inner"))
    work.gate.set()
    with pytest.raises(TimeoutError, match="inner"):
        SyncDriver().run(work.ask())


def test_a_waiter_gives_up_at_its_deadline_and_the_work_goes_on() -> None:
    work, driver = Work(), SyncDriver()
    with pytest.raises(DeadlineExceeded):
        driver.run(work.ask(deadline=0.01))
    threading.Timer(0.05, work.gate.set).start()
    assert driver.run(work.ask()) == 1


def test_background_work_is_started_once_and_not_waited_for() -> None:
    work, driver = Work(), SyncDriver()
    for _ in range(3):
        driver.run(work.start())
    work.gate.set()
    assert driver.run(work.ask()) == 1


def test_a_thread_that_cannot_start_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    work, driver = Work(), SyncDriver()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="new thread"):
            driver.run(work.ask())
    work.gate.set()
    assert driver.run(work.ask()) == 1


def test_the_work_sees_nothing_of_the_request_that_began_it() -> None:
    request_of.set("alice's")
    work = Work()
    work.gate.set()
    SyncDriver().run(work.ask())
    asyncio.run(AsyncDriver().run(work.ask()))
    assert work.seen == ["nobody's", "nobody's"]


# --- event loops -----------------------------------------------------------------------------------


class AsyncWork:
    def __init__(self, error: Exception | None = None) -> None:
        self.runs = 0
        self.ended = 0
        self.error = error

    def flow(self) -> Flow[int]:
        self.runs += 1
        yield from sleep(0.02)
        self.ended += 1
        if self.error is not None:
            raise self.error
        return self.runs

    def ask(self, deadline: float = 5) -> Flow[int]:
        return (yield from shared("key", self.flow, deadline=deadline))


def test_one_task_works_and_all_get_its_outcome() -> None:
    async def main() -> None:
        driver, work = AsyncDriver(), AsyncWork()
        assert await asyncio.gather(*(driver.run(work.ask()) for _ in range(8))) == [1] * 8
        assert await driver.run(work.ask()) == 2

    asyncio.run(main())


def test_a_cancelled_leader_takes_nobody_with_it() -> None:
    async def main() -> None:
        driver, work = AsyncDriver(), AsyncWork()
        leader = asyncio.create_task(driver.run(work.ask()))
        await asyncio.sleep(0.005)
        follower = asyncio.create_task(driver.run(work.ask()))
        await asyncio.sleep(0)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        assert await follower == 1
        assert (work.runs, work.ended) == (1, 1)

    asyncio.run(main())


def test_work_is_finished_even_if_all_who_asked_are_cancelled() -> None:
    async def main() -> None:
        driver, work = AsyncDriver(), AsyncWork()
        asked = [asyncio.create_task(driver.run(work.ask())) for _ in range(3)]
        await asyncio.sleep(0.005)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await asyncio.sleep(0.05)
        assert work.ended == 1

    asyncio.run(main())


def test_a_cancelled_flow_is_closed() -> None:
    closed: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield from sleep(10)
        finally:
            closed.append("yes")

    async def main() -> None:
        task = asyncio.create_task(AsyncDriver().run(flow()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert closed == ["yes"]


def test_every_waiting_task_gets_the_error_and_the_deadline_holds() -> None:
    async def main() -> None:
        driver = AsyncDriver()
        work = AsyncWork(ValueError("broken"))
        outcomes = await asyncio.gather(*(driver.run(work.ask()) for _ in range(3)), return_exceptions=True)
        assert [str(outcome) for outcome in outcomes] == ["broken"] * 3
        with pytest.raises(DeadlineExceeded):
            await driver.run(AsyncWork().ask(deadline=0.001))
        await asyncio.sleep(0.05)

    asyncio.run(main())


def test_a_failure_in_the_background_is_nobodys() -> None:
    async def main() -> None:
        driver, work = AsyncDriver(), AsyncWork(ValueError("broken"))

        def start() -> Flow[None]:
            yield from background("key", work.flow)

        await driver.run(start())
        await driver.run(start())
        await asyncio.sleep(0.05)
        assert work.runs == 1

    asyncio.run(main())


def test_loops_one_after_another_and_in_several_threads_share_one_driver() -> None:
    driver, work = AsyncDriver(), AsyncWork()

    def run(_: int) -> int:
        return asyncio.run(driver.run(work.ask()))

    assert [run(0), run(1)] == [1, 2]
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(run, range(4)))
    assert min(outcomes) >= 3
    assert work.ended == 6, "each loop works for itself"


# --- fork ------------------------------------------------------------------------------------------


def test_a_child_waits_for_nothing_that_was_in_flight_in_its_parent() -> None:
    work, driver = Work(), SyncDriver()
    driver.run(work.start())
    while not work.runs:
        pass
    driver._shared._lock.acquire()
    try:

        def check() -> bool:
            fresh = Work()
            fresh.gate.set()
            return driver.run(fresh.ask()) == 1

        assert in_child(check)
    finally:
        driver._shared._lock.release()
        work.gate.set()
