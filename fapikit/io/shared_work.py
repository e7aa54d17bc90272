"""Work that many callers wait for: one thread (or task) for each key. The cancellation of a caller does not cancel it.

After a fork, the child process starts without running work. Each event loop has its own register of running work.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any
from weakref import WeakKeyDictionary

from fapikit.errors import DeadlineExceeded
from fapikit.forks import reset_after_fork


class SharedThreads:
    """The running work of all threads of this process."""

    def __init__(self) -> None:
        self.after_fork()
        reset_after_fork(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[Any]] = {}

    def start(self, key: Hashable, work: Callable[[], Any]) -> Future[Any]:
        """The future of the work with this key. The work is started, unless it is running already."""
        with self._lock:
            future = self._running.get(key)
            if future is not None:
                return future
            future = self._running[key] = Future()
        # An empty context: the work belongs to no caller, and must not keep the request of its first caller alive.
        run = contextvars.Context().run
        thread = threading.Thread(
            target=run, args=(self._run, key, future, work), daemon=True, name="fapikit"
        )
        try:
            thread.start()
        except RuntimeError as error:  # no thread can be started: nobody must wait for it
            self._finish(key, future, None, error)
        return future

    def wait(self, future: Future[Any], deadline: float) -> Any:
        try:
            return future.result(deadline)
        except FutureTimeout:
            if future.done():
                return future.result()  # the work has just ended, perhaps with its own TimeoutError
            raise DeadlineExceeded("shared work did not end in time", facts={"seconds": deadline}) from None

    def _run(self, key: Hashable, future: Future[Any], work: Callable[[], Any]) -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as raised:  # noqa: BLE001 - every waiting caller must get it
            error = raised
        except BaseException as raised:  # noqa: BLE001 - SystemExit ends this thread, not the waiting callers
            error = RuntimeError(f"shared work was ended by {type(raised).__name__}")
            error.__cause__ = raised
        self._finish(key, future, result, error)

    def _finish(self, key: Hashable, future: Future[Any], result: Any, error: Exception | None) -> None:
        with self._lock:
            self._running.pop(key, None)
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


class SharedTasks:
    """Running work, with one register for each event loop."""

    def __init__(self) -> None:
        self._running: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, asyncio.Task[Any]]]
        self._running = WeakKeyDictionary()

    def start(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        running = self._running.setdefault(asyncio.get_running_loop(), {})
        task = running.get(key)
        if task is None:
            # An empty context: the work belongs to no caller, and must not keep the request of its first caller alive.
            task = running[key] = asyncio.create_task(work(), context=contextvars.Context())

            def finished(done: asyncio.Task[Any]) -> None:
                running.pop(key, None)
                if not done.cancelled():
                    done.exception()  # mark the error as seen: nobody may wait for background work

            task.add_done_callback(finished)
        return task

    async def wait(self, task: asyncio.Task[Any], deadline: float) -> Any:
        done, _ = await asyncio.wait({task}, timeout=deadline)
        if not done:
            raise DeadlineExceeded("shared work did not end in time", facts={"seconds": deadline})
        return task.result()
