"""What is kept until its end goes for nobody: full is an answer, and no eviction."""

from __future__ import annotations

import threading

import pytest

import fapikit.io.kept_until
from fapikit.io.kept_until import KeptUntil
from tests.clocks import NOW
from tests.forks import in_child


def test_what_has_ended_makes_room_and_nothing_else_does() -> None:
    kept = KeptUntil[int, float](float, max_entries=10)
    for number in range(10):
        assert kept.put(number, NOW + number + 1, NOW)
    assert not kept.put(10, NOW + 50, NOW)
    assert kept.put(5, NOW + 60, NOW), "it is there already"
    assert not kept.put(10, NOW + 50, NOW), "those that are there have not ended"
    assert [kept.get(number) is not None for number in range(11)] == [True] * 10 + [False]
    assert kept.put(10, NOW + 50, NOW + 10)
    assert (kept.get(5), kept.get(10)) == (NOW + 60, NOW + 50)
    for number in range(11, 19):
        assert kept.put(number, NOW + 50, NOW + 10), "each of the others that have ended makes room"
    assert not kept.put(19, NOW + 50, NOW + 10)
    assert repr(kept) == "KeptUntil(10 of 10)"


def test_a_full_one_is_swept_again_although_the_clock_was_set_back() -> None:
    kept = KeptUntil[int, float](float, max_entries=1)
    assert kept.put(1, NOW, NOW - 1)
    assert not kept.put(2, NOW, NOW - 1)
    assert kept.put(2, NOW, NOW + 100)
    assert not kept.put(3, NOW, NOW - 50)
    assert kept.put(3, NOW + 10, NOW)


def test_what_ends_later_stays() -> None:
    kept = KeptUntil[str, float](float)
    for ends in (NOW + 10, NOW + 20, NOW + 15):
        assert kept.put("x", ends, NOW)
    assert kept.get("x") == NOW + 20


def test_only_the_very_value_is_dropped() -> None:
    one, other = [1.0], [1.0]
    kept = KeptUntil[str, list[float]](lambda value: value[0])
    kept.put("x", one, NOW)
    kept.drop("x", other)
    assert kept.get("x") is one
    kept.drop("x", one)
    assert kept.get("x") is None


def test_one_without_a_bound_forgets_as_it_grows() -> None:
    kept = KeptUntil[int, float](float)
    for second in range(1000):
        assert kept.put(second, NOW + second + 2, NOW + second)
        assert len(kept) <= 2 + fapikit.io.kept_until._STEP
    assert repr(kept).startswith("KeptUntil(")


def test_what_never_ends_stays() -> None:
    kept = KeptUntil[int, float](float)
    kept.put(1, float("inf"), NOW)
    for number in range(2, 100):
        kept.put(number, NOW + 1, NOW + 1000)
    assert kept.get(1) == float("inf")


def test_what_is_written_often_takes_the_room_of_one() -> None:
    kept = KeptUntil[str, float](float)
    for second in range(10_000):
        kept.put("x", NOW + second + 5, NOW + second)
    assert len(kept) == 1
    assert sum(map(len, kept._ending.values())) <= 2 * fapikit.io.kept_until._STEP


@pytest.mark.parametrize("room", [None, 50_000])
def test_a_write_looks_at_a_few_entries_however_many_there_are(room: int | None) -> None:
    looked_at = 0

    def ends(value: float) -> float:
        nonlocal looked_at
        looked_at += 1
        return value

    kept = KeptUntil[int, float](ends, room)
    most = 0
    for number in range(200_000):  # all end at one moment, in the middle
        looked_at = 0
        kept.put(number, NOW + 60 if number < 50_000 else NOW + 900, NOW if number < 50_000 else NOW + 100)
        most = max(most, looked_at)
    assert most <= fapikit.io.kept_until.LOOKED_AT_FOR_ROOM + 4
    assert len(kept) == (150_000 if room is None else room)


def test_a_forked_worker_keeps_what_its_parent_kept() -> None:
    kept = KeptUntil[str, float](float)
    kept.put("x", NOW + 60, NOW)
    with kept._lock:
        assert in_child(lambda: kept.get("x") == NOW + 60 and kept.put("y", NOW + 60, NOW))


def test_what_comes_during_a_sweep_is_not_lost() -> None:
    others: list[threading.Thread] = []

    def ends(value: float) -> float:
        """While the sweep looks at this value, another thread writes."""
        if value == NOW + 60 and len(kept) == 10 and not others:
            others.append(threading.Thread(target=kept.put, args=(-1, NOW + 200, NOW)))
            others[0].start()
            others[0].join(0.2)
        return value

    kept = KeptUntil[int, float](ends)
    for number in range(10):
        kept.put(number, NOW + 51 + number, NOW)
    assert not others
    kept.put(10, NOW + 100, NOW + 60)
    for number in range(11, 20):
        kept.put(number, NOW + 100, NOW + 60)
    others[0].join()
    assert kept.get(-1) == NOW + 200
    assert len(kept) == 11
