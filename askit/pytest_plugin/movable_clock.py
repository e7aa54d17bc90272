"""A clock for tests: real time until it is frozen or moved."""

from __future__ import annotations

import time


class MovableClock:
    """Calling it returns the seconds since 1970."""

    def __init__(self) -> None:
        self._frozen: float | None = None
        self._ahead = 0.0

    def __call__(self) -> float:
        return (time.time() if self._frozen is None else self._frozen) + self._ahead

    def freeze(self, at: float | None = None) -> None:
        """Stop at this time, or now."""
        now = self() if at is None else at
        self._frozen, self._ahead = now, 0.0

    def advance(self, seconds: float) -> None:
        """Move forward (or back), frozen or not."""
        self._ahead += seconds
