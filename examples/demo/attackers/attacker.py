"""The interface of all attackers of the demo: a title, a preparation, and a list of attacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from examples.demo.attackers.refusal import Refusal


class Attacker(Protocol):
    title: str

    def prepare(self) -> None:
        """The victim's steps that the attacks need first."""

    def attacks(self) -> list[Callable[[], Refusal]]:
        """Each attack returns its refusal, and raises AssertionError if it was not refused."""
