"""How an attack on the demo was refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """`outcome`: the HTTP status, or who refused before anything was sent. `error`: the error message."""

    title: str
    outcome: str
    error: str
    rule: str
