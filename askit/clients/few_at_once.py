"""How many requests at a time may wait for the same: one client whose keys are long in coming does not hold up all.

Role: AS
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from fapikit.errors import Unreachable


class FewAtOnce:
    """`most` for each client; `awaited`: what of its own they wait for."""

    def __init__(self, most: int, awaited: str) -> None:
        self._most = most
        self._awaited = awaited
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def __call__(self, client_id: str) -> Iterator[None]:
        """Around the waiting. Raises Unreachable, which says nothing about the request, where too many wait already."""
        if self._waiting[client_id] >= self._most:
            raise Unreachable(f"as many requests as may are waiting for {self._awaited} of this client")
        self._waiting[client_id] += 1
        try:
            yield
        finally:
            self._waiting[client_id] -= 1
            if not self._waiting[client_id]:
                del self._waiting[client_id]
