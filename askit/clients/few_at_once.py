"""Limits how many requests wait for the keys of one client at a time, so that a slow client does not block the others.

Role: AS
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from fapikit.errors import Unreachable


class FewAtOnce:
    """At most `most` requests for each client. `awaited`: what they wait for, for the error message."""

    def __init__(self, most: int, awaited: str) -> None:
        self._most = most
        self._awaited = awaited
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def __call__(self, client_id: str) -> Iterator[None]:
        """Use it around the wait. Raises Unreachable if too many wait already; that says nothing about the request."""
        if self._waiting[client_id] >= self._most:
            raise Unreachable(f"too many requests are already waiting for {self._awaited} of this client")
        self._waiting[client_id] += 1
        try:
            yield
        finally:
            self._waiting[client_id] -= 1
            if not self._waiting[client_id]:
                del self._waiting[client_id]
