"""Connections to a Redis server, without the client of the package around them.

The client of the package adds retries, callbacks and metrics to each command: half of what a command costs. Here the
package opens and closes the connections, and packs and parses the messages. A command is sent once. After any failure
but an error that the server answered, the connection is closed, because a late response could come next on it.

Threads have a connection each while they use it. An event loop has one: what comes up while others wait for their
responses goes together in one message, in its order.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fapikit.errors import Remedy, StoreUnavailable
from fapikit.tracebacks import bare


def unanswered(error: BaseException, server: str) -> StoreUnavailable:
    """What the caller hears of any failure. `server`: host and port of the store, for its operator."""
    why, remedy = _why(error)
    failure = StoreUnavailable(
        f"the Redis store at {server} {why}", remedy=remedy, facts={"why": type(error).__name__}
    )
    failure.__cause__ = bare(error)
    return failure


def server_of(options: Mapping[str, Any]) -> str:
    """Where the options of a connection lead, without user and password."""
    return str(options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}")


def _why(error: BaseException) -> tuple[str, Remedy | None]:
    """The failure in words. The words of the server are not repeated: they may quote the command, which has secrets."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"AuthenticationError", "NoPermissionError"}:
        return "refused the user or the password, or they have no right there", Remedy.FIX_CONFIGURATION
    if str(error).endswith("DB index is out of range"):
        return "has no database of this number", Remedy.FIX_CONFIGURATION
    if "ResponseError" in kinds:
        return f"refused the command: {type(error).__name__}", None
    what, remedy = _cause_of(error)
    return f"did not answer: {what}", remedy


def _cause_of(error: BaseException) -> tuple[str, Remedy | None]:
    """What the operating system or OpenSSL says of a connection."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificate verify failed: {cause.verify_message}", Remedy.FIX_CONFIGURATION
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason}: is redis:// meant?", Remedy.FIX_CONFIGURATION
        if isinstance(cause, socket.gaierror):
            return f"the name is not found: {cause.strerror}", None
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno), None
        cause = cause.__cause__ or cause.__context__
    if any(kind.__name__ == "TimeoutError" for kind in type(error).__mro__):
        return "it took too long", None
    return type(error).__name__, None


class ThreadConnections:
    """For threads. `library`: the package. `pool`: has the options of the connections, and how many there may be."""

    def __init__(self, library: Any, pool: Any) -> None:
        self._answered: type[Exception] = library.exceptions.ResponseError
        self._broken: type[Exception] = library.exceptions.ConnectionError
        self._pool = pool
        self._idle: list[Any] = []
        self._count = 0

    def run(self, *command: Any) -> Any:
        """The response. Raises the errors of the package, StoreUnavailable."""
        connection = self._borrow()
        try:
            if connection.is_connected and self._is_stale(connection):
                connection.disconnect()
            connection.send_command(*command, check_health=False)
            response = connection.read_response()
        except self._answered:
            self._idle.append(connection)
            raise
        except BaseException:
            self._count -= 1
            connection.disconnect()
            raise
        self._idle.append(connection)
        return response

    def close(self) -> None:
        while self._idle:
            self._idle.pop().disconnect()
            self._count -= 1

    def _borrow(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        if self._count >= self._pool.max_connections:
            raise StoreUnavailable(
                "too many threads use the Redis store at the same time: raise max_connections"
            )
        self._count += 1
        return self._pool.connection_class(**self._pool.connection_kwargs)

    def _is_stale(self, connection: Any) -> bool:
        """Whether the server has closed the connection, or sent what nobody asked for."""
        try:
            return bool(connection.can_read(0))
        except self._broken:
            return True


class _Asked(NamedTuple):
    """A command, and the future of who waits for its response."""

    command: tuple[Any, ...]
    response: asyncio.Future[Any]

    def __repr__(self) -> str:
        return "_Asked()"  # the command may have secrets

    def tell(self, response: Any) -> None:
        if not self.response.done():  # who asked may have been cancelled
            self.response.set_result(response)

    def fail(self, error: Exception) -> None:
        if not self.response.done():
            self.response.set_exception(error)


class LoopConnection:
    """For one event loop. `timeout`: in seconds, for connecting and for the responses to what goes together."""

    def __init__(self, library: Any, pool: Any, timeout: float) -> None:
        self._answered: type[Exception] = library.exceptions.ResponseError
        self._broken: type[Exception] = library.exceptions.ConnectionError
        # The timeout of the package would start a task for each command.
        self._connection = pool.connection_class(**{**pool.connection_kwargs, "socket_timeout": None})
        self._timeout = timeout
        self._server = server_of(pool.connection_kwargs)
        self._waiting: list[_Asked] = []
        self._work: asyncio.Task[None] | None = None

    async def run(self, *command: Any) -> Any:
        """The response. Raises the errors that the server answered, StoreUnavailable."""
        response: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Asked(command, response))
        del command
        if self._work is None:
            self._work = asyncio.create_task(self._work_off())
            self._work.add_done_callback(self._end)
        try:
            return await response
        except asyncio.CancelledError:
            if response.done() and not response.cancelled():
                response.exception()  # nobody else asks for it
            raise

    async def aclose(self) -> None:
        await self._connection.disconnect()

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, []
                await self._ask(asked)
        finally:
            self._work = None

    def _end(self, work: asyncio.Task[None]) -> None:
        """Tell who still waits, if the work was cancelled: somebody may end all tasks of a loop that goes on.

        A task that is cancelled before it has begun runs no code of its own.
        """
        if self._work is work:
            self._work = None
        if self._work is None:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.fail(unanswered(asyncio.CancelledError(), self._server))

    async def _ask(self, asked: Sequence[_Asked]) -> None:
        try:
            if not self._connection.is_connected or await self._is_stale():
                async with asyncio.timeout(self._timeout):
                    await self._connection.connect()
            async with asyncio.timeout(self._timeout):
                packed = self._connection.pack_commands([each.command for each in asked])
                await self._connection.send_packed_command(packed, check_health=False)
                for each in asked:
                    await self._read_response_for(each)
        except (Exception, asyncio.CancelledError) as error:
            for each in asked:  # who waits needs only to know that the store failed
                each.fail(unanswered(error, self._server))
            await self._connection.disconnect(nowait=True)
            if isinstance(error, asyncio.CancelledError):
                raise

    async def _read_response_for(self, asked: _Asked) -> None:
        try:
            asked.tell(await self._connection.read_response())
        except self._answered as error:
            asked.fail(error)

    async def _is_stale(self) -> bool:
        """Close the connection if the server has closed it, or sent what nobody asked for. Returns whether it did."""
        can_read = getattr(self._connection, "can_read", None) or self._connection.can_read_destructive
        try:
            if not await can_read():
                return False
        except self._broken:
            pass
        await self._connection.disconnect(nowait=True)
        return True
