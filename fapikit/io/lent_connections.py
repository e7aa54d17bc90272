"""Connections that are lent to short-lived HTTP clients: closing such a client leaves them open for the next one.

A fintech makes a client per user and call; without this each would begin with a TLS handshake of its own. There is one
pool for all threads and one for each event loop; a forked child starts with none.

Spec: RFC 9110 7.6.1
Role: C
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from fapikit.forks import reset_after_fork


class LentConnections:
    """Pools of one client, made when first used. `library` is httpx or httpx2 in what follows."""

    def __init__(self, *, tls: ssl.SSLContext, proxy: str | None) -> None:
        self._tls = tls
        self._proxy = proxy
        self.after_fork()
        reset_after_fork(self)

    def after_fork(self) -> None:
        """The parent's connections are the parent's."""
        self._lock = threading.Lock()
        self._pools: dict[Any, Any] = {}
        self._async_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, Any]] = WeakKeyDictionary()

    def transport(self, library: Any) -> Any:
        """A transport for a sync client of this library."""
        return _lent_classes(library)[0](self)

    def async_transport(self, library: Any) -> Any:
        """A transport for an async client; it finds the pool of whichever loop it runs on."""
        return _lent_classes(library)[1](self)

    def pool(self, library: Any) -> Any:
        with self._lock:
            if library not in self._pools:
                self._pools[library] = library.HTTPTransport(
                    verify=self._tls, proxy=self._proxy, trust_env=False
                )
            return self._pools[library]

    def async_pool(self, library: Any) -> Any:
        with self._lock:
            pools = self._async_pools.setdefault(asyncio.get_running_loop(), {})
            if library not in pools:
                pools[library] = library.AsyncHTTPTransport(
                    verify=self._tls, proxy=self._proxy, trust_env=False
                )
            return pools[library]

    def close(self) -> None:
        """Close the threads' connections."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    async def aclose(self) -> None:
        """Close the running loop's connections."""
        with self._lock:
            pools = self._async_pools.pop(asyncio.get_running_loop(), {})
        for pool in pools.values():
            await pool.aclose()

    def __repr__(self) -> str:
        return f"LentConnections({len(self._pools)} pools)"


@lru_cache(maxsize=4)
def _lent_classes(library: Any) -> tuple[Any, Any]:
    """Transports of this library that pass requests on to a pool, and close nothing."""

    class Lent(library.BaseTransport):  # type: ignore[misc]
        def __init__(self, connections: LentConnections) -> None:
            self._connections = connections

        def handle_request(self, request: Any) -> Any:
            return self._connections.pool(library).handle_request(request)

    class AsyncLent(library.AsyncBaseTransport):  # type: ignore[misc]
        def __init__(self, connections: LentConnections) -> None:
            self._connections = connections

        async def handle_async_request(self, request: Any) -> Any:
            return await self._connections.async_pool(library).handle_async_request(request)

    return Lent, AsyncLent
