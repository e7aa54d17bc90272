"""A sleep that ends early: in a thread and on an event loop, whoever rings."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from fapikit.flow import Flow, sleep
from fapikit.io import AsyncDriver, SyncDriver
from fapikit.io.alarm import SharedAlarm

LONG = 60.0


def sleeping(alarm: SharedAlarm | None, seconds: float = LONG) -> Flow[bool]:
    return (yield from sleep(seconds, alarm=alarm))


def in_thread(action: Callable[[], object]) -> None:
    threading.Timer(0.02, action).start()


def test_a_thread_is_woken():
    alarm = SharedAlarm()
    in_thread(alarm.ring)
    assert SyncDriver().run(sleeping(alarm)) is True


def test_a_loop_is_woken_from_a_thread():
    alarm = SharedAlarm()
    in_thread(alarm.ring)
    assert asyncio.run(AsyncDriver().run(sleeping(alarm))) is True


def test_several_sleepers_of_one_loop_are_woken_by_a_task_of_it():
    async def main() -> list[bool]:
        alarm, driver = SharedAlarm(), AsyncDriver()
        tasks = [asyncio.create_task(driver.run(sleeping(alarm))) for _ in range(3)]
        await asyncio.sleep(0)
        alarm.ring()
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [True] * 3


@pytest.mark.parametrize("alarm", [SharedAlarm(), None])
def test_a_sleep_that_nobody_ends_takes_its_time(alarm: SharedAlarm | None):
    assert SyncDriver().run(sleeping(alarm, 0.01)) is False
    assert asyncio.run(AsyncDriver().run(sleeping(alarm, 0.01))) is False


def test_a_rung_alarm_goes_on_ringing():
    alarm = SharedAlarm()
    alarm.ring()
    alarm.ring()
    assert SyncDriver().run(sleeping(alarm)) is True
    assert asyncio.run(AsyncDriver().run(sleeping(alarm))) is True
    assert repr(alarm) == "SharedAlarm(rung)"


def test_a_cancelled_sleeper_is_forgotten_and_a_closed_loop_disturbs_nobody():
    alarm = SharedAlarm()

    async def main() -> None:
        task = asyncio.create_task(AsyncDriver().run(sleeping(alarm)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert not alarm._sleepers
    loop = asyncio.new_event_loop()
    alarm._sleepers.add((loop, loop.create_future()))
    loop.close()
    alarm.ring()
