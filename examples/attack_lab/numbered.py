"""Tokens that are numbers: what a naive bank issues, and what the mutation check puts in the place of random ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

GUESSES: Final = 60
"""As many as Mallory tries. With numbers that is more than enough."""


def numbered(number: int) -> str:
    """As long as a random token, so that it has the right form wherever one is expected."""
    return f"{number:043d}"


def guesses() -> Iterator[str]:
    return map(numbered, range(GUESSES))


def numbers() -> Callable[..., str]:
    """A function that returns one number after the other, whatever it is given."""
    counted = count()
    return lambda *_: numbered(next(counted) % GUESSES)
