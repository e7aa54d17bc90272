"""The token of the request under way, for code too deep to be handed it: `rskit.current_token()`.

A ContextVar, set and restored around every request, so that no thread, task or event loop sees another's. A task that
outlives the request it was begun in, a worker say, has none: else it would act for whoever came first.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

from rskit.policy.admission import Admission
from rskit.tokens.token import Token

T = TypeVar("T")

CURRENT: Final[ContextVar[Admission | None]] = ContextVar("rskit", default=None)
"""Set by the middlewares alone."""


@contextmanager
def during(admission: Admission) -> Iterator[None]:
    """This request's turn; no generator yields in it, for it might be ended in another context than it was begun in."""
    previous = CURRENT.get()
    CURRENT.set(admission)
    try:
        yield
    finally:
        CURRENT.set(previous)


def in_turns(chunks: Iterable[T], admission: Admission) -> Iterator[T]:
    """A stream, each step this request's turn. Between two its thread is the server's, which may serve others."""
    with during(admission):
        steps = iter(chunks)
    while True:
        with during(admission):
            try:
                chunk = next(steps)
            except StopIteration:
                return
        yield chunk


async def ain_turns(chunks: AsyncIterable[T], admission: Admission) -> AsyncIterator[T]:
    """The same on an event loop."""
    with during(admission):
        steps = aiter(chunks)
    while True:
        with during(admission):
            try:
                chunk = await anext(steps)
            except StopAsyncIteration:
                return
        yield chunk


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
