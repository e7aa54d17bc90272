"""What this package needs and the core does not have: said where it is missed.

Role: AS
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs_extra() -> Iterator[None]:
    """Around imports. A missing package stays a ModuleNotFoundError, and says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        error.add_note('askit is an extra: pip install "fapikit[askit]"')
        raise
