"""Remove our local variables from the tracebacks of exceptions, because a secret may be among them in clear.

Error trackers show the local variables of every frame in a traceback. A function that waits for I/O keeps its secrets
concealed. A function that parses a message cannot. So its frame is cleared here, before an exception leaves: where a
driver raises it into the application, and where a server answers.

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
"""Our packages, and the packages that parse messages for them."""
_SUSPENDS: Final = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


@lru_cache
def _is_cleared(module: str) -> bool:
    return module.partition(".")[0] in _CLEARED


def forget_locals(error: BaseException) -> None:
    """Clear the frames of our functions that have ended, in this error, its causes and its contexts.

    The frames of generators and coroutines are not cleared. One of them may still run, if many callers waited for the
    same exception, and clearing would close it (before Python 3.13).
    """
    for link in _chain(error):
        traceback = link.__traceback__
        while traceback is not None:
            frame = traceback.tb_frame
            if not frame.f_code.co_flags & _SUSPENDS and _is_cleared(frame.f_globals.get("__name__", "")):
                # A frame that still runs is the caller, or a caller of the caller.
                with suppress(RuntimeError):
                    frame.clear()
            traceback = traceback.tb_next


def forgets_locals(function: Callable[P, T]) -> Callable[P, T]:
    """A decorator for a function that takes a secret in clear: the frames of its exceptions are cleared."""

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
    """The error without tracebacks, its own and those of its causes. Its message says what was wrong."""
    for link in _chain(error):
        link.__traceback__ = None
    return error


def without_frames(error: E) -> E:
    """The error without its own traceback, and without our variables in the tracebacks of its causes.

    For an error that is kept as the reason of a response. Frames of the application stay as they are.
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
