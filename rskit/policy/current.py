"""The token of the current request, for code that gets no request object: `rskit.current_token()`.

A ContextVar is set and restored around every request, so no thread, task or event loop sees another's token. A task
that outlives its request, such as a worker, has none. Otherwise it would act for the user of its first request.

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
"""Set only by the middlewares."""


@contextmanager
def during(checked: CheckedRequest) -> Iterator[None]:
    """Make this request the current one. Use it around no `yield` of a generator, which may end in another context."""
    previous = CURRENT.get()
    CURRENT.set(checked)
    try:
        yield
    finally:
        CURRENT.set(previous)


def in_turns(chunks: Iterable[T], checked: CheckedRequest) -> Iterator[T]:
    """A stream. This request is current during each step. In between, the thread may serve other requests."""
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
    """The same, on an event loop."""
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
    """The token of the current request.

    Raises RuntimeError outside of a request, and LookupError on a public route that was called without a token.
    """
    checked = CURRENT.get()
    if checked is None:
        raise RuntimeError("there is no current request, or no Protect has checked it")
    if checked.over:
        raise RuntimeError("the request of this task is over: pass its token to work that outlives it")
    return checked.require_token()
