"""Connections to a Redis server that are used again, without the client of the package around them.

The client of the package adds retries, callbacks and metrics to each command: half of what a command costs. Here the
package opens and closes the connections, and packs and parses the messages. A command is sent once. After any failure
but an error that the server answered, the connection is closed, because a late response could come next on it.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

from fapikit.errors import StoreUnavailable

C = TypeVar("C")


class _Idle(Generic[C]):
    """The connections that nobody uses, the last used first. `most`: how many there may be, with those in use."""

    def __init__(self, pool: Any, **options: Any) -> None:
        self._kind: type[C] = pool.connection_class
        self._options = {**pool.connection_kwargs, **options}
        self._most: int = pool.max_connections
        self._idle: list[C] = []
        self._count = 0

    def borrow(self) -> C:
        """Raises StoreUnavailable."""
        try:
            return self._idle.pop()
        except IndexError:
            pass
        if self._count >= self._most:
            raise StoreUnavailable("too many operations on the Redis store at the same time")
        self._count += 1
        return self._kind(**self._options)

    def give_back(self, connection: C) -> None:
        self._idle.append(connection)

    def let_go(self) -> None:
        """A borrowed connection was closed."""
        self._count -= 1

    def take_all(self) -> list[C]:
        taken, self._idle = self._idle, []
        self._count -= len(taken)
        return taken


class ThreadConnections:
    """For threads. `library`: the package. `pool`: has the options of the connections."""

    def __init__(self, library: Any, pool: Any) -> None:
        self._answered: type[Exception] = library.exceptions.ResponseError
        self._broken: type[Exception] = library.exceptions.ConnectionError
        self._connections: _Idle[Any] = _Idle(pool)

    def run(self, *command: Any) -> Any:
        """The response. Raises the errors of the package, StoreUnavailable."""
        connection = self._connections.borrow()
        try:
            if connection.is_connected and self._is_stale(connection):
                connection.disconnect()
            connection.send_command(*command, check_health=False)
            response = connection.read_response()
        except self._answered:
            self._connections.give_back(connection)
            raise
        except BaseException:
            self._connections.let_go()
            connection.disconnect()
            raise
        self._connections.give_back(connection)
        return response

    def _is_stale(self, connection: Any) -> bool:
        """Whether the server has closed the connection, or sent what nobody asked for."""
        try:
            return bool(connection.can_read(0))
        except self._broken:
            return True

    def close(self) -> None:
        for connection in self._connections.take_all():
            connection.disconnect()


class LoopConnections:
    """For one event loop. `timeout`: in seconds, for connecting and for each response."""

    def __init__(self, library: Any, pool: Any, timeout: float) -> None:
        self._answered: type[Exception] = library.exceptions.ResponseError
        self._broken: type[Exception] = library.exceptions.ConnectionError
        # The timeout of the package would start a task for each command.
        self._connections: _Idle[Any] = _Idle(pool, socket_timeout=None)
        self._timeout = timeout

    async def run(self, *command: Any) -> Any:
        """The response. Raises the errors of the package, TimeoutError, StoreUnavailable."""
        connection = self._connections.borrow()
        try:
            if not connection.is_connected or await self._is_stale(connection):
                async with asyncio.timeout(self._timeout):
                    await connection.connect()
            async with asyncio.timeout(self._timeout):
                await connection.send_command(*command, check_health=False)
                response = await connection.read_response()
        except self._answered:
            self._connections.give_back(connection)
            raise
        except BaseException:
            self._connections.let_go()
            await connection.disconnect(nowait=True)
            raise
        self._connections.give_back(connection)
        return response

    async def aclose(self) -> None:
        for connection in self._connections.take_all():
            await connection.disconnect()

    async def _is_stale(self, connection: Any) -> bool:
        """Close the connection if the server has closed it, or sent what nobody asked for. Returns whether it did."""
        can_read = getattr(connection, "can_read", None) or connection.can_read_destructive
        try:
            if not await can_read():
                return False
        except self._broken:
            pass
        await connection.disconnect(nowait=True)
        return True
