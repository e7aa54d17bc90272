"""The token of the request under way, for code too deep to be handed it: `rskit.current_token()`.

A ContextVar, set and restored around every request, so that no thread, task or event loop sees another's. A task that
outlives the request it was begun in, a worker say, has none: else it would act for whoever came first.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from rskit.admission import Admission
from rskit.token import Token

CURRENT: Final[ContextVar[Admission | None]] = ContextVar("rskit", default=None)
"""Set by the middlewares alone."""


@contextmanager
def during(admission: Admission) -> Iterator[None]:
    """This request's turn, inside of a generator too: one may be ended in another context than it was begun in."""
    previous = CURRENT.get()
    CURRENT.set(admission)
    try:
        yield
    finally:
        CURRENT.set(previous)


@contextmanager
def to_the_end(admission: Admission) -> Iterator[None]:
    """This request's turn while its answer streams: after that it is over."""
    with during(admission):
        try:
            yield
        finally:
            admission.over = True


def current_token() -> Token:
    """The token of the request under way.

    Raises RuntimeError outside of one, and LookupError on a public route that was called without a token.
    """
    admission = CURRENT.get()
    if admission is None:
        raise RuntimeError("no request is under way here, or none that a Protect has checked")
    if admission.over:
        raise RuntimeError("the request of this task is over: hand its token to what outlives it")
    return admission.require_token()
