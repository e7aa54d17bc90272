"""Explains a missing package of the `viewer` extra at the import that needs it.

Role: RP, RS, AS
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs_extra() -> Iterator[None]:
    """Use around imports. A missing package raises ModuleNotFoundError, with a note that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        error.add_note('the flow viewer is an extra: pip install "fapikit[viewer]"')
        raise
