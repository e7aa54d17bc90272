"""Time and randomness that tests hold in their hands."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

NOW = 1_800_000_000.0


@dataclass
class FrozenClock:
    """Stands still until it is moved."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class CountingRandom:
    """Octets that differ at every call, and in every 16 of a long one, and are the same in every run."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def __call__(self, octets: int) -> bytes:
        if octets > 64:
            return b"".join(self(16) for _ in range(octets // 16 + 1))[:octets]
        return next(self._count).to_bytes(octets, "big")
