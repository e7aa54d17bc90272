"""How many lines a second go to the log, and how long they are: what strangers do must not fill the disk.

Errors have a budget of their own, so that no flood of refusals hides them. The next line says how many were left out.

Role: AS
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

_BURST: Final = 10
"""So many seconds' lines may come at once."""


class LogBudget(logging.Filter):
    """A filter for a handler or a logger: `lines` a second, each of `octets` at most."""

    def __init__(self, lines: int, octets: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._octets = octets
        self._refusals, self._errors = _Bucket(lines, clock), _Bucket(lines, clock)

    def filter(self, record: logging.LogRecord) -> bool:
        bucket = self._errors if record.levelno >= logging.ERROR else self._refusals
        left_out = bucket.take()
        if left_out is None:
            return False
        message = record.getMessage()
        if left_out or len(message) > self._octets:
            note = f"({left_out} lines were left out before this one) " if left_out else ""
            record.msg, record.args = f"{note}{message[: self._octets]}", ()
        return True


class _Bucket:
    """Fills evenly with lines that may be written."""

    def __init__(self, lines: int, clock: Callable[[], float]) -> None:
        self._lines = lines
        self._clock = clock
        self._held = float(lines * _BURST)
        self._at = clock()
        self._left_out = 0

    def take(self) -> int | None:
        """How many lines were left out before this one; None: leave it out too."""
        now = self._clock()
        self._held = min(self._held + (now - self._at) * self._lines, self._lines * _BURST)
        self._at = now
        if self._held < 1:
            self._left_out += 1
            return None
        self._held -= 1
        left_out, self._left_out = self._left_out, 0
        return left_out
