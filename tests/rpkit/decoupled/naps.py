"""Waits that take no time: a pause moves the clock of the bank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from fapikit.io.alarm import SharedAlarm
from tests.mothers.fake_bank import FakeBank


class Movable(Protocol):
    """A clock that a test moves."""

    def advance(self, seconds: float) -> None: ...


@dataclass
class Naps:
    """How long was slept, each time; `meanwhile` is what happens then, given the number of the nap."""

    clock: Movable
    seconds: list[float] = field(default_factory=list)
    meanwhile: Callable[[int], object] = lambda number: None

    def take(self, alarm: SharedAlarm, seconds: float) -> bool:
        assert len(self.seconds) < 1000, "this wait does not end"
        self.seconds.append(seconds)
        self.clock.advance(seconds)
        self.meanwhile(len(self.seconds))
        return alarm.rung


def taking_naps(bank: FakeBank, monkeypatch: pytest.MonkeyPatch) -> Naps:
    return naps_at(bank.clock, monkeypatch)


def naps_at(clock: Movable, monkeypatch: pytest.MonkeyPatch) -> Naps:
    """The same at a server whose clock can be moved."""
    naps = Naps(clock)

    async def await_(alarm: SharedAlarm, seconds: float) -> bool:
        return naps.take(alarm, seconds)

    monkeypatch.setattr(SharedAlarm, "wait", lambda alarm, seconds: naps.take(alarm, seconds))
    monkeypatch.setattr(SharedAlarm, "await_", await_)
    return naps


def at_nap(naps: Naps, number: int, action: Callable[[], object]) -> None:
    """Do this during that nap."""
    naps.meanwhile = lambda nap: action() if nap == number else None
