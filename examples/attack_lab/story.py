"""The steps of an attack, told while it is played: who sends what to whom, and why that matters."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple


class Party(StrEnum):
    """Who takes part. Add a party here if an attack needs another one."""

    ALICE = "Alice"
    """The victim, together with her browser."""
    MALLORY = "Mallory"
    """The attacker."""
    FINTECH = "Fintech"
    """The honest client."""
    BANK = "Bank"
    """The honest authorization server."""
    HOSTILE_BANK = "Hostile bank"
    """An authorization server that the attacker runs."""
    ACCOUNTS = "Accounts API"
    PAYMENTS = "Payments API"


class Step(NamedTuple):
    """`message`: the essence of the message, without values that differ from run to run. `why`: one sentence."""

    sender: Party
    receiver: Party
    message: str
    why: str


class Story:
    """One play of one attack. `listener` hears each step as it happens."""

    def __init__(self, listener: Callable[[Step], None] | None = None) -> None:
        self.steps: list[Step] = []
        self._listener = listener

    def step(self, sender: Party, receiver: Party, message: str, why: str) -> None:
        """Tell a step. Call it before the message is sent, so that the last step told is the one that was refused."""
        step = Step(sender, receiver, message, why)
        self.steps.append(step)
        if self._listener is not None:
            self._listener(step)
