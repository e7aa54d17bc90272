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
    assert not kept.put(10, NOW + 50, NOW + 9), "it was swept just now"
    assert [kept.get(number) is not None for number in range(11)] == [True] * 10 + [False]
    assert kept.put(10, NOW + 50, NOW + 10)
    assert (len(kept), kept.get(5), kept.get(10)) == (2, NOW + 60, NOW + 50)
    assert repr(kept) == "KeptUntil(2 of 10)"


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


def test_one_without_a_bound_is_swept_as_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fapikit.io.kept_until, "_SWEEP_FROM", 8)
    kept = KeptUntil[int, float](float)
    for second in range(1000):
        assert kept.put(second, NOW + second + 2, NOW + second)
        assert len(kept) <= 9
    assert repr(kept).startswith("KeptUntil(")


def test_a_forked_worker_keeps_what_its_parent_kept() -> None:
    kept = KeptUntil[str, float](float)
    kept.put("x", NOW + 60, NOW)
    with kept._lock:
        assert in_child(lambda: kept.get("x") == NOW + 60 and kept.put("y", NOW + 60, NOW))


def test_what_comes_during_a_sweep_is_not_lost() -> None:
    others: list[threading.Thread] = []

    def ends(value: float) -> float:
        """While the sweep looks at this value, another thread writes."""
        if value == NOW + 59 and not others:
            others.append(threading.Thread(target=kept.put, args=(-1, NOW + 60, NOW)))
            others[0].start()
            others[0].join(0.2)
        return value

    kept = KeptUntil[int, float](ends)
    for number in range(fapikit.io.kept_until._SWEEP_FROM):
        kept.put(number, NOW + 59, NOW)
    assert not others
    kept.put(fapikit.io.kept_until._SWEEP_FROM, NOW + 60, NOW)
    others[0].join()
    assert kept.get(-1) == NOW + 60
    assert len(kept) == fapikit.io.kept_until._SWEEP_FROM + 2
