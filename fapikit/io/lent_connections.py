"""Connections that are lent to short-lived HTTP clients: they stay open for the next client when one is closed.

A fintech makes a client for each user and call. Without lending, each would begin with its own TLS handshake. There is
one pool for all threads, and one for each event loop. A forked child process starts without a pool.

Spec: RFC 9110 7.6.1; RFC 8705 6.3
Role: C
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from fapikit.forks import reset_after_fork
from fapikit.io.current_pool import CurrentPool, Loan, aclose_all, close_all


class LentConnections:
    """The pools of one client, made at first use. In its methods, `library` is httpx or httpx2."""

    def __init__(self, *, tls: Callable[[], ssl.SSLContext], proxy: str | None) -> None:
        """`tls`: the context for connections that are opened now."""
        self._tls = tls
        self._proxy = proxy
        self.after_fork()
        reset_after_fork(self)

    def after_fork(self) -> None:
        """Drop the pools: their connections belong to the parent process."""
        self._lock = threading.Lock()
        self._pools: dict[Any, CurrentPool] = {}
        self._async_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, CurrentPool]] = (
            WeakKeyDictionary()
        )

    def transport(self, library: Any) -> Any:
        """A transport for a sync client of this library."""
        return _lent_class(library)(self)

    def async_transport(self, library: Any) -> Any:
        """A transport for an async client. It uses the pool of the running event loop."""
        return _async_lent_class(library)(self)

    def pool(self, library: Any) -> CurrentPool:
        with self._lock:
            if library not in self._pools:
                self._pools[library] = self._new_pool(library.HTTPTransport)
            return self._pools[library]

    def async_pool(self, library: Any) -> CurrentPool:
        with self._lock:
            pools = self._async_pools.setdefault(asyncio.get_running_loop(), {})
            if library not in pools:
                pools[library] = self._new_pool(library.AsyncHTTPTransport)
            return pools[library]

    def _new_pool(self, transport: Any) -> CurrentPool:
        return CurrentPool(
            lambda: transport(verify=self._tls(), proxy=self._proxy, trust_env=False), self._tls
        )

    def close(self) -> None:
        """Close the threads' connections."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            close_all(pool.end())

    async def aclose(self) -> None:
        """Close the running loop's connections."""
        with self._lock:
            pools = self._async_pools.pop(asyncio.get_running_loop(), {})
        for pool in pools.values():
            await aclose_all(pool.end())

    def __repr__(self) -> str:
        return f"LentConnections({len(self._pools)} pools)"


@lru_cache(maxsize=4)
def _lent_class(library: Any) -> Any:
    """A transport of this library that sends requests through a pool, and closes no connection that is still used."""

    class BorrowedStream(library.SyncByteStream):  # type: ignore[misc]
        """The body of a response. Closing it gives the pool back."""

        def __init__(self, stream: Any, loan: Loan) -> None:
            self._stream, self._loan = stream, loan

        def __iter__(self) -> Any:
            return iter(self._stream)

        def close(self) -> None:
            try:
                self._stream.close()
            finally:
                close_all(self._loan.give_back())

    class Lent(library.BaseTransport):  # type: ignore[misc]
        def __init__(self, connections: LentConnections) -> None:
            self._connections = connections

        def handle_request(self, request: Any) -> Any:
            loan = self._connections.pool(library).borrow()
            try:
                response = loan.connections.handle_request(request)
            except BaseException:
                close_all(loan.give_back())
                raise
            response.stream = BorrowedStream(response.stream, loan)
            return response

    return Lent


@lru_cache(maxsize=4)
def _async_lent_class(library: Any) -> Any:
    """The same as an async transport."""

    class AsyncBorrowedStream(library.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, stream: Any, loan: Loan) -> None:
            self._stream, self._loan = stream, loan

        def __aiter__(self) -> Any:
            return aiter(self._stream)

        async def aclose(self) -> None:
            try:
                await self._stream.aclose()
            finally:
                await aclose_all(self._loan.give_back())

    class AsyncLent(library.AsyncBaseTransport):  # type: ignore[misc]
        def __init__(self, connections: LentConnections) -> None:
            self._connections = connections

        async def handle_async_request(self, request: Any) -> Any:
            loan = self._connections.async_pool(library).borrow()
            try:
                response = await loan.connections.handle_async_request(request)
            except ssl.SSLError as error:  # an alert after the handshake; anyio hands it on as it is
                await aclose_all(loan.give_back())
                raise library.ReadError(str(error)) from error
            except BaseException:
                await aclose_all(loan.give_back())
                raise
            response.stream = AsyncBorrowedStream(response.stream, loan)
            return response

    return AsyncLent
