"""A token bucket: something may be done a few times at once, then once in each interval.

Spec: RFC 7517 5 (RS-7)
Role: C, RS, AS
"""

from __future__ import annotations

from typing import Final

_LATE: Final = 1.0
"""Seconds by which one thread may come later than another that asked for the time after it."""


class TokenBucket:
    """`burst` times at once, then once in `every` seconds. The only state is the time when the bucket is full again.

    There is no lock. So two threads may take the same token at the same time.
    """

    __slots__ = ("_every", "_full_at", "_span")

    def __init__(self, burst: int, every: float) -> None:
        self._every = every
        self._span = burst * every
        self._full_at = float("-inf")

    def take(self, now: float) -> bool:
        """Whether it may be done now. If so, it is counted."""
        if self.wait(now):
            return False
        self.count(now)
        return True

    def wait(self, now: float, times: int = 1) -> float:
        """Seconds until it may be done so many times; 0 if it may be done now."""
        return max(self._full_from(now) + times * self._every - (now + self._span), 0.0)

    def count(self, now: float, times: int = 1) -> None:
        """Count that it was done so many times. The bucket is never emptier than empty."""
        self._full_at = min(self._full_from(now) + times * self._every, now + self._span)

    def _full_from(self, now: float) -> float:
        full_at = self._full_at
        # Another time: the bucket is full, or the clock was set back.
        return full_at if now <= full_at <= now + self._span + _LATE else now

    def __repr__(self) -> str:
        return f"TokenBucket({self._span / self._every:.0f} at once, one in {self._every:.0f} s)"
