"""Explains a missing package of the `askit` extra at the import that needs it.

Role: AS
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
        error.add_note('askit is an extra: pip install "fapikit[askit]"')
        raise
