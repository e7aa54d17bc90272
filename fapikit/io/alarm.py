"""An alarm that is rung once, in any thread, and that every sleeping thread and event loop hears."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TypeAlias

_Sleeper: TypeAlias = tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class SharedAlarm:
    """An `Alarm` for `fapikit.flow.sleep`. It never stops ringing: later sleeps with it end at once."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._lock = threading.Lock()
        self._sleepers: set[_Sleeper] = set()

    @property
    def rung(self) -> bool:
        return self._rung.is_set()

    def ring(self) -> None:
        """End every sleep with this alarm. It may be called in any thread, and more than once."""
        with self._lock:
            self._rung.set()
            sleepers = list(self._sleepers)
        for loop, sleeper in sleepers:
            with suppress(RuntimeError):  # that loop is closed: nobody sleeps in it
                loop.call_soon_threadsafe(_wake, sleeper)

    def wait(self, seconds: float) -> bool:
        """Wait in this thread until the alarm rings, at most `seconds`. Returns whether it rang."""
        return self._rung.wait(seconds)

    async def await_(self, seconds: float) -> bool:
        """The same on the running event loop."""
        loop = asyncio.get_running_loop()
        own = loop, loop.create_future()
        with self._lock:
            if self._rung.is_set():
                return True
            self._sleepers.add(own)
        try:
            await asyncio.wait([own[1]], timeout=seconds)
        finally:
            with self._lock:
                self._sleepers.discard(own)
        return self._rung.is_set()

    def __repr__(self) -> str:
        return f"SharedAlarm({'rung' if self.rung else 'silent'})"


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
