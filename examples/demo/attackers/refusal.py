"""What an attack on the demo ended in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """`outcome`: the HTTP status, or who refused before anything was sent. `error`: what it said."""

    title: str
    outcome: str
    error: str
    rule: str
