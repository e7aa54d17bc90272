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

from rskit.policy.checked_request import CheckedRequest
from rskit.tokens.token import Token

T = TypeVar("T")

CURRENT: Final[ContextVar[CheckedRequest | None]] = ContextVar("rskit", default=None)
"""Set by the middlewares alone."""


@contextmanager
def during(checked: CheckedRequest) -> Iterator[None]:
    """This request's turn; no generator yields in it, for it might be ended in another context than it was begun in."""
    previous = CURRENT.get()
    CURRENT.set(checked)
    try:
        yield
    finally:
        CURRENT.set(previous)


def in_turns(chunks: Iterable[T], checked: CheckedRequest) -> Iterator[T]:
    """A stream, each step this request's turn. Between two its thread is the server's, which may serve others."""
    with during(checked):
        steps = iter(chunks)
    while True:
        with during(checked):
            try:
                chunk = next(steps)
            except StopIteration:
                return
        yield chunk


async def ain_turns(chunks: AsyncIterable[T], checked: CheckedRequest) -> AsyncIterator[T]:
    """The same on an event loop."""
    with during(checked):
        steps = aiter(chunks)
    while True:
        with during(checked):
            try:
                chunk = await anext(steps)
            except StopAsyncIteration:
                return
        yield chunk


def current_token() -> Token:
    """The token of the request under way.

    Raises RuntimeError outside of one, and LookupError on a public route that was called without a token.
    """
    checked = CURRENT.get()
    if checked is None:
        raise RuntimeError("no request is under way here, or none that a Protect has checked")
    if checked.over:
        raise RuntimeError("the request of this task is over: hand its token to what outlives it")
    return checked.require_token()
