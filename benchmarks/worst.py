"""The worst case of an operation of each in-process structure, and what an entry takes: nothing may stop the process.

An operation is timed by itself, with the garbage collector at rest. A full collection is timed for itself.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator

from askit.shares import Owner, Shares
from benchmarks.report import Bars
from benchmarks.rounds import Effort, Figure, Result
from benchmarks.tokens import a_server, a_token, a_view
from fapikit import MemoryStore, PrivateKey
from fapikit.io.bounded_cache import BoundedCache
from fapikit.io.kept_until import KeptUntil
from rskit.possession.proof_budget import ProofBudget

OPERATIONS = 20_000
LIMIT_MS = 5.0
Step = Callable[[int], object]


def measure_worst(effort: Effort) -> Iterator[Result | Bars]:
    number = 100_000 if effort.is_quick else 1_000_000
    worst = {name: worst_of(step) for name, step in structures(number)}
    for name, figure in worst.items():
        yield Result("worst case", f"{name}, {number:,} entries, longest operation, ms", figure, LIMIT_MS)
    yield Bars(
        "worst",
        f"The longest of {OPERATIONS:,} operations with {number:,} entries",
        "ms",
        medians(worst),
        len(worst),
    )
    yield from measure_entries(effort)


def structures(number: int) -> Iterator[tuple[str, Step]]:
    """Each structure, full, and an operation at the worst moment for it: all entries have expired, or none has."""
    yield "store in memory, all marks have expired", with_store(number)
    yield "token cache, full: each entry evicts", with_cache(number)
    yield "cache of refusals, all have expired", with_refusals(number)
    yield "kept refusals, all have expired", with_kept(number)
    yield "shares at askit, all have expired", with_shares(number)
    yield "proofs of each key, all have expired", with_budget(number, now=61.0)
    yield "proofs of each key, none has expired", with_budget(number, now=1.0)


def with_store(number: int) -> Step:
    clock = Clock()
    store = MemoryStore(max_entries=number, max_octets=10**10, clock=clock)
    for n in range(number):
        store.add(f"mark {n}", b"1", 60)
    clock.now += 61
    return lambda n: store.add(f"new {n}", b"1", 60)


def with_cache(number: int) -> Step:
    cache = BoundedCache[str, int](number)
    for n in range(number):
        cache.put(f"entry {n}", n, 0.0)
    return lambda n: cache.put(f"new {n}", n, 0.0)


def with_refusals(number: int) -> Step:
    cache = BoundedCache[str, float](number, lambda until, now: now >= until)
    for n in range(number):
        cache.put(f"entry {n}", 60.0, 0.0)
    return lambda n: cache.put(f"new {n}", 200.0, 61.0)


def with_kept(number: int) -> Step:
    kept = KeptUntil[str, float](lambda until: until, number)
    for n in range(number):
        kept.put(f"entry {n}", 60.0, 0.0)
    return lambda n: kept.put(f"new {n}", 200.0, 61.0)


def with_shares(number: int) -> Step:
    clock = Clock()
    shares = Shares(number, 10**10, clock)
    for n in range(number):
        shares.charge([Owner("address", f"owner {n}")], 100, 60)
    clock.now += 61
    return lambda n: shares.charge([Owner("address", f"new {n}")], 100, 60)


def with_budget(number: int, now: float) -> Step:
    budget = ProofBudget(number)
    for n in range(number):
        budget.spend(f"key {n}", 60.0, 0.0)
    return lambda n: budget.spend(f"new {n}", now + 60.0, now)


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def worst_of(step: Step) -> Figure:
    """The longest of many operations, in milliseconds of CPU time."""
    times = []
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for n in range(OPERATIONS):
            began = time.thread_time_ns()
            step(n)
            times.append(time.thread_time_ns() - began)
    finally:
        gc.enable()
        gc.unfreeze()
    return Figure.of([max(times) / 1e6])


def measure_entries(effort: Effort) -> Iterator[Result]:
    number = 2_000 if effort.is_quick else 10_000
    key = PrivateKey.generate("ES256", kid="k1")
    tokens = [a_token(key) for _ in range(number)]
    server = a_server(key, max_cached_tokens=number)
    gc.collect()
    gc.freeze()  # what stands already is not looked at: the entries alone are
    octets = taken_by(lambda: [server.check(a_view("Bearer", token)) for token in tokens])
    yield Result("memory", f"a cached token, octets, of {number:,}", Figure.of([octets / number]), 1024)
    milliseconds = Figure.of(collected_in() for _ in range(5))
    yield Result("memory", f"a full garbage collection of {number:,} cached tokens, ms", milliseconds)
    gc.unfreeze()
    store = MemoryStore(max_entries=number)
    octets = taken_by(lambda: [store.add(f"dpop:{n:064x}", b"1", 60) for n in range(number)])
    yield Result("memory", f"a replay mark, octets, of {number:,}", Figure.of([octets / number]))


def taken_by(fill: Callable[[], object]) -> int:
    """Octets that are in use afterwards, and were not before."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    fill()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return after - before


def collected_in() -> float:
    began = time.process_time_ns()
    gc.collect()
    return (time.process_time_ns() - began) / 1e6


def medians(figures: dict[str, Figure]) -> dict[str, float]:
    return {name: figure.median for name, figure in figures.items()}
