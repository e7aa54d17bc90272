"""Writes that wait for the thread of a store: all that wait go together, and share the cost of one transaction."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias

from fapikit.stores.together import Operation, Results
from fapikit.stores.worker import Worker

Outcome: TypeAlias = Results | Exception
"""What a sequence of operations returned, or what it raises."""
Write: TypeAlias = Callable[[Sequence[Sequence[Operation]]], Sequence[Outcome]]
"""Does several sequences. Returns the outcome of each."""

MAX_GROUP: Final = 64


class WriteGroup:
    """The sequences that wait. Event loops in several threads may share it."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.after_fork()

    def after_fork(self) -> None:
        """What waited in the parent is written by the parent."""
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()

    async def run(self, operations: Sequence[Operation], write: Write) -> Results:
        """Raises the sequence's own error. It is done to its end, even if the caller is cancelled."""
        waiting = _Waiting(operations)
        with self._lock:
            self._waiting.append(waiting)
            if len(self._waiting) == 1:
                self._worker.start(partial(self._do, write))
        del operations
        return await waiting.future

    def _do(self, write: Write) -> None:
        with self._lock:
            group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
            if self._waiting:
                self._worker.start(partial(self._do, write))
        outcomes: Sequence[Outcome]
        try:
            outcomes = write([waiting.operations for waiting in group])
        except Exception as error:  # noqa: BLE001 - it is raised where the operations came from
            outcomes = [copy.copy(error) for _ in group]
        told: dict[asyncio.AbstractEventLoop, list[tuple[_Waiting, Outcome]]] = defaultdict(list)
        for waiting, outcome in zip(group, outcomes, strict=True):
            told[waiting.loop].append((waiting, outcome))
        for loop, pairs in told.items():
            with suppress(RuntimeError):  # the loop was closed in the meantime
                loop.call_soon_threadsafe(_tell, pairs)


class _Waiting:
    """`future`: of the event loop that waits."""

    __slots__ = ("future", "loop", "operations")

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Results] = self.loop.create_future()


def _tell(pairs: Sequence[tuple[_Waiting, Outcome]]) -> None:
    for waiting, outcome in pairs:
        if waiting.future.done():  # the caller was cancelled
            continue
        if isinstance(outcome, Exception):
            waiting.future.set_exception(outcome)
        else:
            waiting.future.set_result(outcome)
