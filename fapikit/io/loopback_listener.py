"""A listener on loopback for the one authorization response of a native app.

It listens on a port that the system chooses, from when it is made until it is closed. It hands over what a browser
brings to its path, one after another, and answers each with what the application says of it. `loopback_server` refuses
everything else.

Spec: RFC 8252 7.3, 8.3a, 8.3b, 8.9
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from typing import Final

from fapikit.errors import ConfigurationError
from fapikit.io.alarm import SharedAlarm
from fapikit.io.loopback_server import LoopbackServer, Page, Render, Verdict
from fapikit.secrets import Concealed

_CLOSING: Final = 2.0
_ADDRESSES: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


class Arrived:
    """One response that a browser brought. Each must be answered once."""

    def __init__(self, callback: str | bytes) -> None:
        self._callback = Concealed(callback)
        self._verdict: Verdict = "late"
        self._decided = threading.Event()

    @property
    def callback(self) -> Concealed[str | bytes]:
        """The whole URL, or the octets of a form."""
        return self._callback

    def answer(self, verdict: Verdict) -> None:
        """Let the browser have the page for this verdict. The first answer counts."""
        if not self._decided.is_set():
            self._verdict = verdict
            self._decided.set()

    def wait(self) -> Verdict:
        self._decided.wait()
        return self._verdict


class LoopbackListener:
    """`redirect_uri` is where it listens. `arrived` rings when `take` has something new; ask for it before `take`."""

    def __init__(self, render: Render, *, path: str = "/callback", port: int = 0) -> None:
        """`port` 0: the system chooses. Raises ConfigurationError if this machine lets nobody listen there."""
        self._render = render
        self._path = path
        self._lock = threading.Lock()
        self._waiting: deque[Arrived] = deque()
        self._alarm = SharedAlarm()
        self._open = True
        self._server = _listen(self, port)
        host, self.port = str(self._server.server_address[0]), int(self._server.server_address[1])
        self._authority = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="fapikit-loopback", daemon=True
        )
        self._thread.start()

    @property
    def redirect_uri(self) -> str:
        return f"http://{self.authority}{self._path}"

    @property
    def arrived(self) -> SharedAlarm:
        with self._lock:
            return self._alarm

    def take(self) -> Arrived | None:
        """The next response, or None. A new `arrived` then stands for what comes after it."""
        with self._lock:
            if not self._waiting:
                return None
            found = self._waiting.popleft()
            if not self._waiting:
                self._alarm = SharedAlarm()
            return found

    def close(self) -> None:
        """Give up the port, tell those who wait that they came late, and let running answers be written."""
        with self._lock:
            self._open = False
            late, self._waiting = list(self._waiting), deque()
        for arrived in late:
            arrived.answer("late")
        self._server.shutdown()
        self._server.server_close()
        self._server.finish(_CLOSING)

    async def aclose(self) -> None:
        """The same, beside the event loop."""
        await asyncio.to_thread(self.close)

    def submit(self, callback: str | bytes) -> Verdict:
        """What becomes of a response; waits until somebody has decided."""
        arrived = Arrived(callback)
        with self._lock:
            if not self._open:
                return "late"
            self._waiting.append(arrived)
            self._alarm.ring()
        return arrived.wait()

    def page(self, verdict: Verdict, accept_language: str) -> Page:
        return self._render(verdict, accept_language)

    @property
    def authority(self) -> str:
        return self._authority

    @property
    def path(self) -> str:
        return self._path

    def __repr__(self) -> str:
        return f"LoopbackListener({self.redirect_uri})"


def _listen(listener: LoopbackListener, port: int) -> LoopbackServer:
    """Bound to IPv4, or to IPv6 where there is no IPv4."""
    failures: list[str] = []
    for family, host in _ADDRESSES:
        try:
            return LoopbackServer(listener, family, (host, port))
        except OSError as error:
            failures.append(f"{host}: {error.strerror or error}")
    raise ConfigurationError(
        f"this program cannot listen on loopback ({'; '.join(failures)}): leave port out, or use the device grant",
        clause="RFC 8252 7.3",
    )
