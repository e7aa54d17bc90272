"""Limits how many requests wait for the keys of one client at a time, so that a slow client does not block the others.

Role: AS
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from fapikit.errors import Unreachable
from fapikit.flow import Effect, Flow

T = TypeVar("T")


class FewAtOnce:
    """At most `most` requests for each client. `awaited`: what they wait for, for the error message."""

    def __init__(self, most: int, awaited: str) -> None:
        self._most = most
        self._awaited = awaited
        self._waiting: Counter[str] = Counter()

    def wait(self, client_id: str, flow: Flow[T]) -> Flow[T]:
        """`flow`, which takes a place if it has to wait. One that has all at hand takes none and is never refused.

        So strangers who wait for keys that do not exist do not keep the client itself out. Raises Unreachable if too
        many wait already; that says nothing about the request.
        """
        with closing(flow):
            try:
                effect = next(flow)
            except StopIteration as done:
                result: T = done.value
                return result
            with self._place(client_id):
                return (yield from _go_on(flow, effect))

    @contextmanager
    def _place(self, client_id: str) -> Iterator[None]:
        if self._waiting[client_id] >= self._most:
            raise Unreachable(f"too many requests are already waiting for {self._awaited} of this client")
        self._waiting[client_id] += 1
        try:
            yield
        finally:
            self._waiting[client_id] -= 1
            if not self._waiting[client_id]:
                del self._waiting[client_id]


def _go_on(flow: Flow[T], effect: Effect) -> Flow[T]:
    """The rest of a flow that has asked for `effect`."""
    try:
        while True:
            try:
                answer: Any = yield effect
            except Exception as error:  # noqa: BLE001 - the flow decides what to do with it
                effect = flow.throw(error)
            else:
                effect = flow.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result
