"""Who is told of the refusals of the request that is being served: a listener that an onlooker has set, or nobody.

A resource server and an authorization server tell it each error for which they refuse a request. They do so only when
they refuse. So a listener costs nothing where requests pass.

Spec: RFC 6750 3; RFC 6749 5.2
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeAlias

from fapikit.errors import FapiError

Listener: TypeAlias = Callable[[FapiError], None]

_LISTENER: Final[ContextVar[Listener | None]] = ContextVar("fapikit_refusals", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """While the block runs, and in what it starts, `listener` is called with each error of a refusal.

    The listener must not raise, and it must not keep the error.
    """
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def tell(error: FapiError) -> None:
    """Tell the listener, if there is one, that a request is refused because of this error."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(error)
