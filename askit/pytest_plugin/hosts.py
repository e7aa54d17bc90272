"""Hosts for the servers of tests: a port, a certificate and a thread, used by one server after another.

Here a *bank* is an `AuthorizationServer` with all its records. A new one takes milliseconds. A thread, a handshake's
keys and a graceful shutdown take most of a second, so they are kept longer than one test.

Role: AS
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.lifespan.off import LifespanOff

from askit.__main__ import uvicorn_config
from askit.config.settings import Config
from askit.pytest_plugin.outages import resettable
from askit.server import AuthorizationServer
from askit.serving.handshake import Handshake
from askit.serving.listener import Listener
from askit.serving.server import BoundedServer
from askit.throwaway_tls import ClientAuthority, make_tls_files

T = TypeVar("T")
S = TypeVar("S", bound=AuthorizationServer)

DEADLINE: Final = 20.0
_GOODBYE: Final = 1.0
"""Seconds that running requests may continue after their test."""


class Hosts:
    """The hosts of a session.

    Two banks at the same time have two hosts. A free host takes any bank with its settings.
    """

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.directory = Path(self._directory.name)
        files = make_tls_files(self.directory)
        self.ca = files.ca
        self.client_authority = ClientAuthority(self.directory)
        self.tls = {
            "certificate": str(files.certificate),
            "key": str(files.key),
            "client_ca": str(self.client_authority.file),
        }
        self._free: list[Host] = []

    @contextmanager
    def bank(
        self,
        configure: Callable[[int], Config],
        make: Callable[[Config], S],
        around: Callable[[S], ASGIApp] = lambda app: app,
    ) -> Iterator[tuple[S, Host]]:
        """A new bank during the block. `configure` returns its configuration for a port. `around`: what answers for it.

        Raises FapiError if the bank does not start.
        """
        host = self._take(configure)
        try:
            app = make(configure(host.port))
            with host.inhabited(app, around(app)):
                yield app, host
        finally:
            self._free.append(host)

    def _take(self, configure: Callable[[int], Config]) -> Host:
        for host in reversed(self._free):
            if host.serves(configure(host.port)):
                self._free.remove(host)
                return host
        return Host()

    def close(self) -> None:
        for host in self._free:
            host.close()
        self._free.clear()
        self._directory.cleanup()


class Host:
    """One port, and a thread that serves it. TLS, limits and proxies are those of the first bank."""

    def __init__(self) -> None:
        self._listening = _listening()
        self.port = int(self._listening.getsockname()[1])
        self._serving: _Serving | None = None
        self._served: tuple[Any, ...] = ()

    def serves(self, config: Config) -> bool:
        return self._serving is None or _how_served(config) == self._served

    @contextmanager
    def inhabited(self, app: AuthorizationServer, answers: ASGIApp | None = None) -> Iterator[None]:
        """During the block, `app` is here, and it or `answers` answers. Raises FapiError if it does not start."""
        serving = self._serving or self._start(app)
        app.core.shown_certificates.attach(serving.handshake.trust)
        self.wait(app.start())
        serving.app = answers or app
        try:
            yield
        finally:
            serving.app = _nobody
            self.wait(serving.let_go())
            self.wait(app.core.aclose())

    def _start(self, app: AuthorizationServer) -> _Serving:
        serving = _Serving(uvicorn_config(app))
        serving.thread = threading.Thread(
            target=serving.run, args=([self._listening],), daemon=True, name="askit"
        )
        serving.thread.start()
        if not serving.ready.wait(DEADLINE):
            raise RuntimeError("the authorization server did not start")
        self._serving, self._served = serving, _how_served(app.config)
        return serving

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the host's event loop, and wait for its result."""
        return self.begin(work).result(DEADLINE)

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        assert self._serving is not None  # noqa: S101 - a host is handed out only with a bank on it
        assert self._serving.loop is not None  # noqa: S101
        return self._serving.loop

    def close(self) -> None:
        if self._serving is not None:
            self._serving.should_exit = True
            self._serving.thread.join(DEADLINE)
        self._listening.close()


def _how_served(config: Config) -> tuple[Any, ...]:
    return config.profile, config.tls, config.limits, config.trusted_proxies


def _listening() -> socket.socket:
    # asyncio switches Nagle's algorithm off (40 ms for each new connection) only if the protocol is named.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", 0))
    return made


async def _nobody(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("no server runs here between two tests", 503)(scope, receive, send)


class _Serving(BoundedServer):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.handshake: Handshake = cast(Listener, config.http).handshake
        config.loaded_app = resettable(self._answer, lambda: self.server_state.connections)
        config.lifespan_class = LifespanOff  # `Host.inhabited` starts and ends the app
        self.app: Any = _nobody
        self.thread = threading.current_thread()
        self.ready = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.ready.set()

    async def let_go(self) -> None:
        """End connections without waiting for idle clients: tests often do not close theirs."""
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        if self.server_state.tasks:
            _, late = await asyncio.wait(self.server_state.tasks, timeout=_GOODBYE)
            for task in late:
                task.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self.let_go()
        await super().shutdown(sockets)
