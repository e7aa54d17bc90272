"""The interaction id that connects the client's log with the API's: the client's UUID, or a new one.

Spec: FAPI1-BL 6.2.1-11, 6.2.1-12
Role: RS
"""

from __future__ import annotations

import re
from typing import Final

from fapikit.clock import RandomBytes
from fapikit.forks import reset_after_fork

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_AT_ONCE: Final = 64
"""So many ids are made from one call for random octets, because that call costs more than all the rest."""


class InteractionIds:
    """The interaction ids of one resource server. Threads may share it."""

    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes
        self._new: list[str] = []
        reset_after_fork(self)

    def after_fork(self) -> None:
        """Drop the prepared ids: the parent process and its other children use them too."""
        self._new = []

    def choose(self, received: str | None) -> str:
        """The received id if it is a UUID. Anything else is not echoed; a new id (UUID version 4) is used instead."""
        if received is not None and _UUID.fullmatch(received):
            return received
        try:
            return self._new.pop()
        except IndexError:
            made = _make(self._random_bytes(16 * _AT_ONCE).hex())
            self._new += made[1:]
            return made[0]

    def __repr__(self) -> str:
        return "InteractionIds()"


def _make(digits: str) -> list[str]:
    """A UUID of version 4 for each 32 hex digits."""
    return [
        f"{d[:8]}-{d[8:12]}-4{d[13:16]}-{_VARIANT[d[16]]}{d[17:20]}-{d[20:]}"
        for d in (digits[at : at + 32] for at in range(0, len(digits), 32))
    ]
