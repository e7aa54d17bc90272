"""Timing several contenders fairly: interleaved rounds, medians, and figures only as ratios or differences of them.

While a round runs the garbage collector rests, for everybody; between two it clears what the last one left behind.
Other work on the machine slows a verify call by a third and an interpreter by two thirds. So each part is measured in
several passes, and the one counts in which its base, which is not our code, was quickest.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Result:
    """One line of results.json. `ours` and `target` are in the metric's unit; `peers` are the others' figures."""

    part: str
    metric: str
    ours: float
    target: float | None
    met: bool | None
    peers: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        verdict = "" if self.met is None else (" met" if self.met else " NOT MET")
        peers = "  ".join(f"{name} {value:g}" for name, value in self.peers.items())
        target = "" if self.target is None else f" (target {self.target:g}{verdict})"
        return f"{self.part:26} {self.metric:34} {self.ours:>8g}{target:24} {peers}"


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


PASSES = 7


def least_disturbed(measure: Callable[[], dict[str, float]], base: str) -> dict[str, float]:
    """The pass in which `base` took the least time; each is whole in itself, with caches of its own."""
    return min((measure() for _ in range(PASSES)), key=lambda times: times[base])


@dataclass(frozen=True)
class Contender:
    """`check` is timed, over what `arrive(n)` makes right before a round: requests that have just come in."""

    check: Callable[[Any], object]
    arrive: Callable[[int], Iterable[Any]]
    require: Callable[[list[Any]], object] = len
    """Raises for an outcome that is not what it should be; not timed."""


def medians(contenders: Mapping[str, Contender], *, rounds: int, calls: int) -> dict[str, float]:
    """The median time of one check of each, in microseconds; each round lets every contender check `calls` times."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for name in interleaved(contenders, rounds):
        check, arrived = contenders[name].check, list(contenders[name].arrive(calls))
        began = time.perf_counter_ns()
        outcomes = [check(each) for each in arrived]
        times[name].append((time.perf_counter_ns() - began) / calls / 1000)
        contenders[name].require(outcomes)
    return {name: statistics.median(values) for name, values in times.items()}


def result(part: str, metric: str, ours: float, target: float | None, peers: Mapping[str, float]) -> Result:
    rounded = round(ours, 2)
    met = None if target is None else rounded <= target
    return Result(
        part, metric, rounded, target, met, {name: round(value, 2) for name, value in peers.items()}
    )
