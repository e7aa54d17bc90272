"""Listens to the logs of the toolkit while an attack is played: there the refusal is told with its rule."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from examples.attack_lab.stopped import Stopped
from fapikit import FapiError
from rskit.answers.trace import Trace

_LOGGERS = ("askit", "rskit", "rpkit")
_SERVERS = ("uvicorn.error",)


@contextmanager
def quiet() -> Iterator[None]:
    """During the block, what servers log is printed nowhere: the attacks make them complain."""
    loggers = [logging.getLogger(name) for name in (*_LOGGERS, *_SERVERS)]
    before = [logger.propagate for logger in loggers]
    nothing = logging.NullHandler()
    for logger in loggers:
        logger.addHandler(nothing)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(nothing)
            logger.propagate = propagate


class Listener(logging.Handler):
    """A context manager. `heard`: the refusals in their order, as (error class, clause, message)."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[Stopped] = []
        self._before: list[tuple[logging.Logger, int]] = []

    def emit(self, record: logging.LogRecord) -> None:
        trace = getattr(record, "rskit", None)
        if isinstance(trace, Trace):
            self.heard.append(Stopped(trace.reason, trace.clause, trace.message))
        arguments = record.args if isinstance(record.args, tuple) else ()
        if "/favicon.ico" in arguments:  # a browser asks for it by itself
            return
        self.heard += [Stopped.by(error) for error in arguments if isinstance(error, FapiError)]

    def __enter__(self) -> Self:
        for logger in map(logging.getLogger, _LOGGERS):
            self._before.append((logger, logger.level))
            logger.addHandler(self)
            logger.setLevel(logging.DEBUG)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for logger, level in self._before:
            logger.removeHandler(self)
            logger.setLevel(level)
        self._before.clear()
