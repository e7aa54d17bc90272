"""A route's `details` function that cannot read a request: the client's mistake (400), not our outage.

Spec: RFC 9396 9
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Final

from rskit.access import Details
from rskit.errors import UnreadableRequest

_OF_BODIES: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,  # Decimal("abc"), int(float("inf"))
    SyntaxError,  # XML that is not well-formed
    AssertionError,
    StopIteration,  # next(...) of an empty list
    RecursionError,
)
"""What code raises when it reads a body of an unexpected form. Any other exception is the application's own."""


@contextmanager
def reading_details(details: Details) -> Iterator[None]:
    """Use around the call of `details`.

    Raises UnreadableRequest, which names the function and, in `facts`, the line.
    """
    try:
        yield
    except (*_OF_BODIES, RuntimeError) as raised:
        # A coroutine raises RuntimeError for its StopIteration.
        error = raised.__cause__ if isinstance(raised.__cause__, StopIteration) else raised
        if not isinstance(error, _OF_BODIES):
            raise
        name = getattr(details, "__name__", type(details).__name__)
        raise UnreadableRequest(
            f"the request lacks what this operation needs: {name} raised {type(error).__name__}",
            facts={"details": name, "raised": type(error).__name__, "at": _line_of(error)},
        ) from None


def _line_of(error: BaseException) -> str:
    """Where it was raised, as `file.py:12`; no value of the request."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return ""
    return f"{PurePath(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
