"""Real sockets for the lab: any ASGI app at an `https://localhost` origin of its own, all in one thread."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import uvicorn

from asgi_mw.uvicorn_tls import HttpProtocol
from askit.throwaway_tls import TlsFiles
from fapikit import server_context

T = TypeVar("T")
PATIENCE: Final = 20.0
Closing: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class _Served(NamedTuple):
    server: uvicorn.Server
    task: asyncio.Task[None]
    closing: Closing | None


class Place:
    """A port that is taken already, so that others can be told of it before anything is served there."""

    def __init__(self, scheme: str = "https", host: str = "localhost") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.bind(("127.0.0.1", 0))
        self.host = host
        self.origin = f"{scheme}://{host}:{self.socket.getsockname()[1]}"


class Street:
    """Serves apps until it is closed. `local`: the certificate of localhost. `named`: that of `hostnames.py`."""

    def __init__(self, local: TlsFiles, named: TlsFiles) -> None:
        self._local, self._named = local, named
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="attack lab")
        self._thread.start()
        self._servers: dict[str, _Served] = {}
        self._endings: list[Future[None]] = []

    def serve(
        self,
        app: Any,
        place: Place | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        closing: Closing | None = None,
    ) -> str:
        """Serve an ASGI app. Returns its origin. `closing`: called at the end, for an app that has no lifespan."""
        place = place or Place()
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="auto",
            proxy_headers=False,
            http=HttpProtocol,
            ws="asgi_mw.uvicorn_tls:WebSocketProtocol",
            timeout_graceful_shutdown=1,
        )
        config.load()
        if place.origin.startswith("https:"):
            files = self._local if place.host == "localhost" else self._named
            config.ssl = tls or server_context(files.certificate, files.key)
        self._servers[place.origin] = self._do(self._start(uvicorn.Server(config), place, closing))
        return place.origin

    async def _start(self, server: uvicorn.Server, place: Place, closing: Closing | None) -> _Served:
        task = asyncio.ensure_future(server.serve(sockets=[place.socket]))
        while not server.started:
            if task.done():
                await task
                raise RuntimeError("a server of the lab did not start")
            await asyncio.sleep(0.005)
        return _Served(server, task, closing)

    def end(self, origins: Iterable[str]) -> None:
        """Begin to end what is served there. Attackers do not say goodbye, so idle clients are not waited for."""
        ending = _end([self._servers.pop(origin) for origin in origins])
        self._endings.append(asyncio.run_coroutine_threadsafe(ending, self._loop))

    def close(self) -> None:
        self.end(list(self._servers))
        for ending in self._endings:
            ending.result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)


async def _end(ending: list[_Served]) -> None:
    for server, _, _ in ending:
        server.should_exit = True
        for connection in list(server.server_state.connections):
            connection.transport.abort()
    await asyncio.gather(*(task for _, task, _ in ending))
    await asyncio.gather(*(closing() for _, _, closing in ending if closing is not None))
