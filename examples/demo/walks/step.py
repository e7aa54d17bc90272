"""One numbered step of a walk, and what a walk is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass
class Step:
    """One numbered line: what happens, and a function that raises AssertionError if it did not.

    Its result is printed below.
    """

    title: str
    run: Callable[[], str | None]


class Walk(Protocol):
    def steps(self) -> list[Step]: ...


def require(held: bool, message: str) -> None:
    if not held:
        raise AssertionError(message)
