"""Timing several contenders fairly: they take turns in rounds, and all rounds of all passes count.

Each pass begins with fresh caches. What counts is CPU time, because other work on the machine takes wall time away. A
figure is a ratio or a difference within one round, so that a slow minute slows both sides of it. It is told as the
median of all rounds, with the quarter of the rounds below and above.

While a round runs the garbage collector rests, for everybody. Between two rounds it clears what the last one left.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

Times: TypeAlias = Mapping[str, list[float]]
"""For each contender the mean time of one call in each round, in microseconds."""


class Figure(NamedTuple):
    """A median with its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Figure:
        found = list(values)
        if len(found) < 2:
            return cls(*found * 3)
        low, _, high = statistics.quantiles(found, n=4)
        return cls(statistics.median(found), low, high)

    def as_json(self) -> dict[str, float]:
        return {"median": _rounded(self.median), "low": _rounded(self.low), "high": _rounded(self.high)}

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{_rounded(self.median):g}"
        return f"{_rounded(self.median):g} ({_rounded(self.low):g} to {_rounded(self.high):g})"


@dataclass
class Result:
    """One line of the results. `ours` and `target` are in the metric's unit; `peers` are the others' figures."""

    part: str
    metric: str
    ours: Figure
    target: float | None = None
    peers: Mapping[str, Figure] = field(default_factory=dict)
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        found = _rounded(self.ours.median)
        return found >= self.target if self.at_least else found <= self.target

    def as_json(self) -> dict[str, Any]:
        return {
            "part": self.part,
            "metric": self.metric,
            "ours": self.ours.as_json(),
            "target": self.target,
            "at_least": self.at_least,
            "met": self.met,
            "peers": {name: figure.as_json() for name, figure in self.peers.items()},
        }

    def __str__(self) -> str:
        verdict = {None: "", True: ", met", False: ", NOT MET"}[self.met]
        bound = "at least" if self.at_least else "at most"
        target = "" if self.target is None else f" ({bound} {self.target:g}{verdict})"
        peers = "".join(f"; {name} {figure}" for name, figure in self.peers.items())
        return f"{self.part}: {self.metric}: {self.ours}{target}{peers}"


class Effort(NamedTuple):
    """How much is measured. The quick form is for daily use, and its figures vary more."""

    passes: int
    rounds: int
    is_quick: bool


WHOLE = Effort(passes=3, rounds=20, is_quick=False)
QUICK = Effort(passes=2, rounds=12, is_quick=True)


def interleaved(contenders: Iterable[str], rounds: int) -> Iterator[str]:
    """Whose turn it is; the order turns, so that nobody always runs after the same neighbour."""
    names = list(contenders)
    gc.collect()
    gc.freeze()  # what stands already is no garbage, and need not be looked at between rounds
    gc.disable()
    try:
        for _ in range(rounds):
            yield from names
            names = names[1:] + names[:1]
            gc.collect()
    finally:
        gc.unfreeze()
        gc.enable()


def pooled(measure: Callable[[], Times], passes: int) -> dict[str, list[float]]:
    """The rounds of several passes together; each pass is whole in itself, with caches of its own."""
    together: dict[str, list[float]] = {}
    for _ in range(passes):
        for name, values in measure().items():
            together.setdefault(name, []).extend(values)
    return together


@dataclass(frozen=True)
class Contender:
    """`check` is timed, over what `arrive(n)` makes right before a round: requests that have just come in."""

    check: Callable[[Any], object]
    arrive: Callable[[int], Iterable[Any]]
    require: Callable[[list[Any]], object] = len
    """Raises for an outcome that is not what it should be; not timed."""


def time_rounds(contenders: Mapping[str, Contender], *, rounds: int, calls: int) -> dict[str, list[float]]:
    """Each round lets every contender check `calls` times."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for name in interleaved(contenders, rounds):
        check, arrived = contenders[name].check, list(contenders[name].arrive(calls))
        began = time.process_time_ns()
        outcomes = [check(each) for each in arrived]
        times[name].append((time.process_time_ns() - began) / calls / 1000)
        contenders[name].require(outcomes)
    return times


def taken(times: Times, name: str) -> Figure:
    return Figure.of(times[name])


def ratio(times: Times, name: str, base: str) -> Figure:
    """One time as a multiple of another."""
    return Figure.of(one / other for one, other in zip(times[name], times[base], strict=True))


def added(times: Times, name: str, base: str) -> Figure:
    """What one takes more than another."""
    return Figure.of(one - other for one, other in zip(times[name], times[base], strict=True))


def share_of_overhead(times: Times, name: str, peer: str, base: str) -> Figure:
    """What one takes more than the base, as a share of what the peer takes more than the base."""
    rounds = zip(times[name], times[peer], times[base], strict=True)
    return Figure.of((one - raw) / (other - raw) for one, other, raw in rounds if other > raw)


def _rounded(value: float) -> float:
    """To what a reader can use: three digits, or whole numbers."""
    return float(f"{value:.3g}") if abs(value) < 1000 else float(round(value))
