"""A token bucket: something may be done a few times at once, then once in each interval.

Spec: RFC 7517 5 (RS-7)
Role: C, RS, AS
"""

from __future__ import annotations


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
        full_at = self._full_at
        if not now <= full_at <= now + self._span:  # the bucket is full, or the clock was set back
            full_at = now
        if full_at + self._every > now + self._span:
            return False
        self._full_at = full_at + self._every
        return True

    def __repr__(self) -> str:
        return f"TokenBucket({self._span / self._every:.0f} at once, one in {self._every:.0f} s)"
