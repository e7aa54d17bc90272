"""One pool of HTTP connections at a time, opened with the current TLS context.

A client certificate may be replaced while calls are running. Running calls end on their old connections. New calls use
new connections. The old connections are closed when no call uses them any more.

Spec: RFC 8705 6.3
Role: C, RS
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class _Pool:
    __slots__ = ("connections", "context", "users")

    def __init__(self, connections: Any, context: object) -> None:
        self.connections = connections
        self.context = context
        self.users = 0


class Loan:
    """The use of `connections` (a client or a transport of an HTTP library) for one exchange."""

    __slots__ = ("_give_back", "connections")

    def __init__(self, connections: Any, give_back: Callable[[], list[Any]]) -> None:
        self.connections = connections
        self._give_back: Callable[[], list[Any]] | None = give_back

    def give_back(self) -> list[Any]:
        """Returns the connections that are no longer used, for the caller to close. A second call does nothing."""
        give_back, self._give_back = self._give_back, None
        return [] if give_back is None else give_back()


class CurrentPool:
    """Lends the pool of the current context. It is thread-safe."""

    def __init__(self, make: Callable[[], Any], context: Callable[[], object]) -> None:
        """`make`: makes new connections. `context`: returns the current context; a new context gets a new pool."""
        self._make = make
        self._context = context
        self._lock = threading.Lock()
        self._current: _Pool | None = None
        self._unused: list[Any] = []

    def borrow(self) -> Loan:
        context = self._context()
        with self._lock:
            pool = self._current
            if pool is None or pool.context is not context:
                made = _Pool(self._make(), context)
                if pool is not None and not pool.users:
                    self._unused.append(pool.connections)
                pool = self._current = made
            pool.users += 1
        return Loan(pool.connections, lambda: self._take_back(pool))

    def _take_back(self, pool: _Pool) -> list[Any]:
        with self._lock:
            pool.users -= 1
            if not pool.users and pool is not self._current:
                self._unused.append(pool.connections)
            unused, self._unused = self._unused, []
        return unused

    def end(self) -> list[Any]:
        """All connections, used or not, for the caller to close. The next call opens new ones."""
        with self._lock:
            ended, self._unused = self._unused, []
            if self._current is not None:
                ended.append(self._current.connections)
                self._current = None
        return ended


def close_all(ended: list[Any]) -> None:
    for connections in ended:
        connections.close()


async def aclose_all(ended: list[Any]) -> None:
    for connections in ended:
        await connections.aclose()
