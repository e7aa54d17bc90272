"""Work that many wait for: one thread (or task) of its own per key, which no waiter's cancellation reaches.

After a fork the child starts with nothing in flight; each event loop has its own register.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any
from weakref import WeakKeyDictionary

from fapikit.errors import DeadlineExceeded


class SharedThreads:
    """In-flight work of all threads of this process."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[Any]] = {}

    def start(self, key: Hashable, work: Callable[[], Any]) -> Future[Any]:
        """The future of the work under `key`, begun now unless it runs already."""
        if os.getpid() != self._pid:
            self._reset()
        with self._lock:
            future = self._running.get(key)
            if future is not None:
                return future
            future = self._running[key] = Future()
        threading.Thread(target=self._run, args=(key, future, work), daemon=True, name="fapikit").start()
        return future

    def wait(self, future: Future[Any], deadline: float) -> Any:
        try:
            return future.result(deadline)
        except FutureTimeout:
            if future.done():
                raise  # the work itself ended with a TimeoutError
            raise DeadlineExceeded("shared work did not end in time", facts={"seconds": deadline}) from None

    def _run(self, key: Hashable, future: Future[Any], work: Callable[[], Any]) -> None:
        try:
            result, error = work(), None
        except BaseException as raised:  # noqa: BLE001 - every waiter must learn of it
            result, error = None, raised
        with self._lock:
            self._running.pop(key, None)
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


class SharedTasks:
    """In-flight work, one register per running event loop."""

    def __init__(self) -> None:
        self._running: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, asyncio.Task[Any]]]
        self._running = WeakKeyDictionary()

    def start(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        running = self._running.setdefault(asyncio.get_running_loop(), {})
        task = running.get(key)
        if task is None:
            task = running[key] = asyncio.create_task(work())

            def finished(done: asyncio.Task[Any]) -> None:
                running.pop(key, None)
                if not done.cancelled():
                    done.exception()  # marks it as seen: a background failure is nobody's

            task.add_done_callback(finished)
        return task

    async def wait(self, task: asyncio.Task[Any], deadline: float) -> Any:
        done, _ = await asyncio.wait({task}, timeout=deadline)
        if not done:
            raise DeadlineExceeded("shared work did not end in time", facts={"seconds": deadline})
        return task.result()
