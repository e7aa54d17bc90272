"""One attack on an authorization server as data: what it does, how it ended, and the words that explain it.

Spec: FAPI2-SP 5.3.2
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import httpx

from askit.attacks.exchange import Exchange
from fapikit.scan_report import NotLookedAt

Came: TypeAlias = "str | NotLookedAt | None"
"""What got through, in words; None if the attack was refused."""

_REFUSALS: Final = frozenset({400, 401, 403})


class Attack(NamedTuple):
    """`play` tries it, and tells what came of it. `means`: what an attacker has if it is not refused."""

    name: str
    play: Callable[[Exchange], Came]
    sends: str
    means: str
    clause: str
    remedy: str


def answered(response: httpx.Response) -> str | None:
    """The status, unless it is a refusal."""
    return None if response.status_code in _REFUSALS else str(response.status_code)
