"""One deadline for all waits of a thread in an exchange: connecting, the TLS handshake, each part of the response.

`bounded_transport` obeys it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_ENDS_AT: Final[ContextVar[float | None]] = ContextVar("fapikit_deadline", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Inside this context, the waits of `bounded` transports in this thread end after `seconds` in total."""
    token = _ENDS_AT.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ENDS_AT.reset(token)


def seconds_left() -> float | None:
    """The rest of the time, which may be negative; None outside of a deadline."""
    ends_at = _ENDS_AT.get()
    return None if ends_at is None else ends_at - time.monotonic()
