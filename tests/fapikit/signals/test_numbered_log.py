"""A log of numbered entries: nothing is lost, and a look touches few of them, whatever is gone."""

from __future__ import annotations

import random
from typing import Any

import pytest

from fapikit import MemoryStore
from fapikit.errors import UnreadableRecord
from fapikit.io import SyncDriver
from fapikit.signals.numbered_log import Head, NumberedLog
from tests.clocks import FrozenClock

DAY = 86_400.0


class CountingStore(MemoryStore):
    """`touched`: the keys that were asked for."""

    def __init__(self, clock: FrozenClock) -> None:
        super().__init__(clock=clock)
        self.touched: list[str] = []

    def get(self, key: str) -> bytes | None:
        self.touched.append(key)
        return super().get(key)


class Log:
    """A log, driven; an entry is its number as text."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.store = CountingStore(self.clock)
        self.log = NumberedLog(self.store, "log", self.clock)

    def run(self, flow: Any) -> Any:
        return SyncDriver().run(flow)

    def append(self, times: int = 1, ttl: float = DAY) -> None:
        for _ in range(times):
            self.run(self.log.append(lambda number: str(number).encode(), ttl))

    def remove(self, *numbers: int) -> None:
        for number in numbers:
            assert self.run(self.log.remove(number, str(number).encode()))
        self.run(self.log.pass_over([(number, number + 1) for number in numbers]))

    def first(self, most: int, look_at: int = 256) -> list[int]:
        found = self.run(self.log.read_first(most, look_at=look_at)).entries
        assert all(octets == str(number).encode() for number, octets in found)
        return [number for number, _ in found]

    def touches(self, most: int = 51) -> int:
        """How many entries one look touches."""
        del self.store.touched[:]
        self.first(most)
        return len(self.store.touched)

    @property
    def head(self) -> Head:
        head: Head = self.run(self.log.head())
        return head


def resumed(flow: Any, result: Any) -> Any:
    """A flow that has stood still."""
    while True:
        try:
            effect = flow.send(result)
        except StopIteration:
            return
        result = yield effect


@pytest.mark.spec("RFC 8936 2.4")
def test_entries_come_in_their_order_and_go_in_any() -> None:
    log = Log()
    log.append(10)
    log.remove(3, 0, 9, 4)
    assert log.first(100) == [1, 2, 5, 6, 7, 8]
    assert log.head.left == 6
    assert not log.run(log.log.remove(3, b"3")), "it is gone"
    assert not log.run(log.log.replace(5, b"other", b"x", DAY)), "it is not as it was seen"
    log.append()
    assert log.first(100)[-1] == 10, "no number is used twice"


def test_a_look_touches_few_entries_though_thousands_are_gone_behind_the_first() -> None:
    log = Log()
    log.append(10_000)
    log.remove(*range(1, 9_900))
    assert log.first(51) == [0, *range(9_900, 9_950)]
    assert log.touches() <= 52
    assert log.head.left == 101


def test_a_look_touches_few_entries_whatever_is_gone() -> None:
    log = Log()
    log.append(4_000)
    chance = random.Random(18)
    gone = set(chance.sample(range(4_000), 3_000)) | set(range(2_000, 2_500))
    log.remove(*gone)
    left = [number for number in range(4_000) if number not in gone]
    while left:
        looks = [log.touches() for _ in range(3)]
        assert max(looks) <= 260, "the budget of a look, and the head"
        assert looks[-1] <= 60, "the gaps are listed now"
        assert log.first(50) == left[:50]
        log.remove(*left[:50])
        del left[:50]


def test_entries_that_have_ended_are_passed_over_a_few_at_each_look() -> None:
    log = Log()
    log.append(ttl=10 * DAY)
    log.append(2_000, ttl=DAY)
    log.clock.now += 2 * DAY
    log.append(ttl=DAY)
    looks = [log.touches() for _ in range(9)]
    assert max(looks) <= 260
    assert log.first(51) == [0, 2_001]
    assert log.touches() <= 4


def test_who_appends_passes_over_a_few_that_have_ended() -> None:
    log = Log()
    log.append(1_000, ttl=DAY)
    log.clock.now += 2 * DAY
    del log.store.touched[:]
    log.append(ttl=DAY)
    assert len(log.store.touched) <= 20
    assert log.run(log.log.has(100)) is False, "they are found to have ended"
    log.append(70, ttl=DAY)
    assert log.head.first >= 1_000
    assert log.run(log.log.has(71))


def test_a_process_that_is_late_writes_nothing_where_nobody_looks() -> None:
    log = Log()
    late = log.log.append(lambda number: str(number).encode(), DAY)
    effect = next(late)
    seen = effect.store.get(*effect.arguments)  # it has read the head, and then it stands still
    log.append()
    log.remove(0)
    log.append()
    log.run(resumed(late, seen))
    assert log.first(10) == [1, 2]


def test_a_process_that_died_before_it_moved_the_end_has_lost_nothing() -> None:
    log = Log()
    log.append(2)
    log.store.add("log:2", b"2", DAY)
    assert log.first(10) == [0, 1, 2]
    log.append()
    assert log.first(10) == [0, 1, 2, 3]
    log.store.add("log:4", b"4", DAY)
    log.remove(0, 1, 2, 3, 4)
    assert log.head.first == log.head.end == 4, "beyond the end nothing is passed over"
    log.append()
    assert log.first(10) == [5]


def test_a_cleared_log_goes_on() -> None:
    log = Log()
    log.append(30)
    log.remove(*range(5, 20))
    log.run(log.log.clear())
    assert (log.first(10), log.head.left) == ([], 0)
    log.append()
    assert log.first(10) == [30]
    assert log.store.taken() == 2 + 15, "an entry, the head, and marks of those that were removed one by one"


@pytest.mark.parametrize("octets", [b"x", b"{}", b'{"first":0,"end":1,"begun_at":0,"gone":[1]}'])
def test_a_head_that_is_damaged_is_named(octets: bytes) -> None:
    log = Log()
    log.store.put("log", octets, DAY)
    with pytest.raises(UnreadableRecord, match="head of a log"):
        log.first(1)
