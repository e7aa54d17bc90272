"""What a route's `details` raises over a request that it cannot read: the client's mistake, 400, not an outage of ours.

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

_OF_BODIES: Final = (ValueError, LookupError, TypeError, AttributeError)
"""What code raises that reads JSON of another form than it expects. Anything else is the application's to answer."""


@contextmanager
def reading_details(details: Details) -> Iterator[None]:
    """Around the call of `details`. Raises UnreadableRequest, which names the function and, in its facts, the line."""
    try:
        yield
    except _OF_BODIES as error:
        name = getattr(details, "__name__", type(details).__name__)
        raise UnreadableRequest(
            f"what this operation needs cannot be read from the request: {name} raised {type(error).__name__}",
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
