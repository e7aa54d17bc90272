"""Limits the lines per second in the log, and their length, so that nobody can fill the disk by requests.

Errors have a budget of their own, so many refusals cannot hide them. The next line says how many were left out.

Role: AS
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final, TypeAlias

_BURST: Final = 10
"""Lines of so many seconds may come at once."""

Monotonic: TypeAlias = Callable[[], float]


class LogBudget(logging.Filter):
    """For a handler: passes so many lines a second, and cuts each line off at so many octets."""

    def __init__(self, lines: int, octets: int, clock: Monotonic = time.monotonic) -> None:
        super().__init__()
        self._octets = octets
        self._lines = _Lines(lines, clock)

    def filter(self, record: logging.LogRecord) -> bool:
        left_out = self._lines.take(record.levelno)
        if left_out is None:
            return False
        message = record.getMessage().encode("utf-8", "backslashreplace")
        if left_out or len(message) > self._octets:
            note, cut = _note(left_out), message[: self._octets].decode("utf-8", "ignore")
            record.msg, record.args = f"{note}{cut}", ()
        return True


class BudgetedLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that passes so many lines a second, whatever its handlers do."""

    def __init__(self, logger: logging.Logger, lines: int, clock: Monotonic = time.monotonic) -> None:
        super().__init__(logger, {})
        self._lines = _Lines(lines, clock)

    def log(self, level: int, msg: object, *args: object, **given: Any) -> None:
        if not self.isEnabledFor(level):
            return
        left_out = self._lines.take(level)
        if left_out is not None:
            super().log(level, f"{_note(left_out)}{msg}", *args, **given)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs


class _Lines:
    """Two budgets: one for errors, one for all other lines."""

    def __init__(self, lines: int, clock: Monotonic) -> None:
        self._errors, self._others = (_Bucket(lines, clock) for _ in range(2))

    def take(self, level: int) -> int | None:
        """How many lines were left out before this one. None: this one is left out too."""
        return (self._errors if level >= logging.ERROR else self._others).take()


class _Bucket:
    """A token bucket for log lines. It fills evenly."""

    def __init__(self, lines: int, clock: Monotonic) -> None:
        self._lines = lines
        self._clock = clock
        self._left = float(lines * _BURST)
        self._at = clock()
        self._left_out = 0

    def take(self) -> int | None:
        now = self._clock()
        self._left = min(self._left + (now - self._at) * self._lines, self._lines * _BURST)
        self._at = now
        if self._left < 1:
            self._left_out += 1
            return None
        self._left -= 1
        left_out, self._left_out = self._left_out, 0
        return left_out


def _note(left_out: int) -> str:
    return f"({left_out} lines were left out before this one) " if left_out else ""
