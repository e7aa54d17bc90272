"""What every attacker of the demo has: a title, something to prepare, and a list of attacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from examples.demo.attackers.refusal import Refusal


class Attacker(Protocol):
    title: str

    def prepare(self) -> None:
        """Let the victim do what the attacks begin with."""

    def attacks(self) -> list[Callable[[], Refusal]]:
        """Each returns how it was refused, and raises AssertionError if it was not."""
