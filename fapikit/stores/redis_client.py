"""The connections of a Redis store to its server, for threads and for event loops, and the errors of their failures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from fapikit.errors import ConfigurationError, StoreFull, StoreUnavailable
from fapikit.forks import reset_after_fork
from fapikit.stores.redis_connections import LoopConnection, ThreadConnections, server_of, unanswered
from fapikit.stores.redis_scripts import Script
from fapikit.tracebacks import bare


class Command(NamedTuple):
    """One round trip. Without a script it is INFO."""

    script: Script | None
    keys: tuple[str, ...] = ()
    arguments: tuple[str | bytes | int, ...] = ()

    @property
    def tail(self) -> tuple[Any, ...]:
        return (len(self.keys), *self.keys, *self.arguments)


class _OfLoop(NamedTuple):
    """`connection`: None for a cluster, whose client knows which node has which entries."""

    client: Any
    connection: LoopConnection | None


class RedisClient:
    """`send` and `asend` raise StoreFull and StoreUnavailable, and no other error. Nothing is sent twice."""

    def __init__(self, url: str, *, timeout: float, cluster: bool) -> None:
        """Raises ConfigurationError if the package redis is missing, and for a URL that it cannot use."""
        try:
            import redis
            import redis.asyncio.retry
            from redis.backoff import NoBackoff
        except ImportError as error:
            raise ConfigurationError(
                "a Redis store needs the package redis: install fapikit[redis]"
            ) from error
        self._library: Any = redis
        self._url = url
        self._cluster = cluster
        self._options = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
        self._no_backoff = NoBackoff
        self._timeout = timeout
        self._made: Any = None
        self._connections: ThreadConnections | None = None
        self.of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _OfLoop] = WeakKeyDictionary()
        reset_after_fork(self)
        try:
            self._server = server_of(self._library.connection.parse_url(url))
        except (ValueError, TypeError) as error:
            # Not chained: the message of the library may quote the URL, which may have a password.
            raise ConfigurationError(
                f"this Redis URL cannot be used ({type(error).__name__}): use redis://host:port/0, rediss:// or unix://"
            ) from None

    def send(self, command: Command) -> Any:
        with self._as_store_error():
            client, connections = self.of_threads, self._connections_of_threads()
            if command.script is None and connections is None:
                return client.execute_command("INFO", target_nodes=client.PRIMARIES)
            run = client.execute_command if connections is None else connections.run
            if command.script is None:
                return client.response_callbacks["INFO"](run("INFO"))
            try:
                return run("EVALSHA", command.script.sha, *command.tail)
            except self._library.exceptions.NoScriptError:
                # The server does not know the script yet: nothing was done.
                return run("EVAL", command.script.text, *command.tail)

    async def asend(self, command: Command) -> Any:
        with self._as_store_error():
            client, connection = self._of_this_loop()
            if command.script is None and connection is None:
                return await client.execute_command("INFO", target_nodes=client.PRIMARIES)
            run = client.execute_command if connection is None else connection.run
            if command.script is None:
                return client.response_callbacks["INFO"](await run("INFO"))
            try:
                return await run("EVALSHA", command.script.sha, *command.tail)
            except self._library.exceptions.NoScriptError:
                return await run("EVAL", command.script.text, *command.tail)

    def close(self) -> None:
        """Close the connections of the threads. The next command opens new ones."""
        connections, self._connections = self._connections, None
        if connections is not None:
            connections.close()
        made, self._made = self._made, None
        if made is not None:
            if self._cluster:
                made.disconnect_connection_pools()  # `close` would leave them to the garbage collector
            made.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        here = self.of_loops.pop(asyncio.get_running_loop(), None)
        if here is not None:
            if here.connection is not None:
                await here.connection.aclose()
            await here.client.aclose()

    def after_fork(self) -> None:
        self._connections = None  # those of the parent process are neither used nor closed here

    @property
    def of_threads(self) -> Any:
        """The client of the threads. It is made at first use, because a cluster client connects when it is made."""
        if self._made is None:
            self._made = self._make(self._library)
        return self._made

    def _connections_of_threads(self) -> ThreadConnections | None:
        if self._connections is None and not self._cluster:
            self._connections = ThreadConnections(self._library, self.of_threads.connection_pool)
        return self._connections

    def _of_this_loop(self) -> _OfLoop:
        """What belongs to this event loop. A connection can be used only by the loop that opened it."""
        loop = asyncio.get_running_loop()
        here = self.of_loops.get(loop)
        if here is None:
            for gone in [known for known in self.of_loops if known.is_closed()]:
                del self.of_loops[gone]
            client = self._make(self._library.asyncio)
            pool = None if self._cluster else client.connection_pool
            connection = None if pool is None else LoopConnection(self._library, pool, self._timeout)
            here = self.of_loops[loop] = _OfLoop(client, connection)
        return here

    def _make(self, module: Any) -> Any:
        kind = module.RedisCluster if self._cluster else module.Redis
        return kind.from_url(self._url, retry=module.retry.Retry(self._no_backoff(), 0), **self._options)

    @contextmanager
    def _as_store_error(self) -> Iterator[None]:
        """Turn every failure into a StoreError. Not all are RedisErrors: for example, that a cluster is down."""
        try:
            yield
        except StoreUnavailable:
            raise
        except self._library.exceptions.OutOfMemoryError as error:
            raise StoreFull("the Redis server has no memory left: raise its maxmemory") from bare(error)
        except Exception as error:  # noqa: BLE001 - the caller needs only to know that the store failed
            raise unanswered(error, self._server) from bare(error)
