"""One thread that does a store's blocking work for event loops, one job after another.

A thread of the loop's executor would cost twice as much for each job: as much as the work itself.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Worker:
    """The thread starts with the first job. It ends after `end`, or with the process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.after_fork()

    def after_fork(self) -> None:
        """The thread of the parent does not run in a child."""
        self._jobs: SimpleQueue[Callable[[], None] | None] | None = None
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """Raises what `work` raises. Work that has begun is finished, even if the caller is cancelled."""
        job = _Job(work)
        self.start(job.do)
        del work
        return cast(T, await job.future)

    def start(self, job: Callable[[], None]) -> None:
        """Let the thread do a job that tells its result itself, and raises nothing."""
        with self._lock:
            if self._jobs is None:
                self._jobs = SimpleQueue()
                threading.Thread(target=_work_off, args=(self._jobs,), name=self._name, daemon=True).start()
            self._jobs.put(job)

    def end(self) -> None:
        """Let the thread end after the jobs that it has. A later job starts another thread."""
        with self._lock:
            jobs, self._jobs = self._jobs, None
        if jobs is not None:
            jobs.put(None)


class _Job:
    """`future`: of the event loop that waits."""

    __slots__ = ("_loop", "_work", "future")

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work: Callable[[], Any] | None = work
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def do(self) -> None:
        work, self._work = self._work, None
        assert work is not None  # noqa: S101 - for the type checker; a job is done once
        try:
            result, error = work(), None
        except BaseException as raised:  # noqa: BLE001 - it is raised where the job came from
            result, error = None, raised
        with suppress(RuntimeError):  # the loop was closed in the meantime
            self._loop.call_soon_threadsafe(self._tell, result, error)
        del work, result, error

    def _tell(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():  # the caller was cancelled
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


def _work_off(jobs: SimpleQueue[Callable[[], None] | None]) -> None:
    while (job := jobs.get()) is not None:
        job()
        del job  # while the thread waits, it holds nothing of the last job
