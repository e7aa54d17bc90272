"""What an exception takes along on its way out: no local variables of ours, where a secret may stand in clear.

Error trackers show the local variables of every frame in a traceback. What waits for I/O holds its secrets concealed;
the functions that take a message apart cannot, and their frames are cleared here, at the edges: where a driver hands an
exception to the application, and where a server answers.

Spec: RFC 6749 10.3, 10.5; FAPI1-BL 7.4
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache, wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

_CLEARED: Final = frozenset(
    {
        "fapikit",
        "rpkit",
        "rskit",
        "asgi_mw",
        "wsgi_mw",
        "askit",
        "base64",
        "hmac",
        "joserfc",
        "json",
        "urllib",
    }
)
"""Our packages, and those that they take messages apart with."""
_SUSPENDS: Final = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


@lru_cache
def _is_cleared(module: str) -> bool:
    return module.partition(".")[0] in _CLEARED


def forget_locals(error: BaseException) -> None:
    """Clear the frames of our functions that have ended, in this error and in all that led to it.

    Not those of generators and coroutines: one that goes on elsewhere, for an exception that many waited for, would be
    closed by it (before Python 3.13).
    """
    for link in _chain(error):
        traceback = link.__traceback__
        while traceback is not None:
            frame = traceback.tb_frame
            if not frame.f_code.co_flags & _SUSPENDS and _is_cleared(frame.f_globals.get("__name__", "")):
                with suppress(RuntimeError):  # it runs: it is the one that asks, or stands above it
                    frame.clear()
            traceback = traceback.tb_next


def forgets_locals(function: Callable[P, T]) -> Callable[P, T]:
    """For a function that is handed a secret as it is, and may refuse it: what it raises shows nothing of it."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            forget_locals(error)
            raise

    return call


def bare(error: E) -> E:
    """The error without tracebacks, its own and those of what led to it: it says by itself what was wrong."""
    for link in _chain(error):
        link.__traceback__ = None
    return error


def without_frames(error: E) -> E:
    """The error without its own traceback, and without our variables in those of what led to it.

    For what is kept as the reason of an answer. What the application was handling meanwhile keeps its frames.
    """
    forget_locals(error)
    error.__traceback__ = None
    return error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, its causes and its contexts."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [other for other in (link.__cause__, link.__context__) if other is not None]
