"""The connections of a Redis store to its server, for threads and for event loops, and the errors of their failures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from fapikit.errors import ConfigurationError, StoreFull, StoreUnavailable
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
        self._made: Any = None
        self.of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()
        try:
            self._library.connection.parse_url(url)
        except (ValueError, TypeError) as error:
            # Not chained: the message of the library may quote the URL, which may have a password.
            raise ConfigurationError(
                f"this Redis URL cannot be used ({type(error).__name__}): use redis://host:port/0, rediss:// or unix://"
            ) from None

    def send(self, command: Command) -> Any:
        with self._as_store_error():
            execute = self.of_threads.execute_command
            if command.script is None:
                return execute("INFO", **self._everywhere())
            try:
                return execute("EVALSHA", command.script.sha, *command.tail)
            except self._library.exceptions.NoScriptError:
                # The server does not know the script yet: nothing was done.
                return execute("EVAL", command.script.text, *command.tail)

    async def asend(self, command: Command) -> Any:
        with self._as_store_error():
            execute = self._of_this_loop().execute_command
            if command.script is None:
                return await execute("INFO", **self._everywhere())
            try:
                return await execute("EVALSHA", command.script.sha, *command.tail)
            except self._library.exceptions.NoScriptError:
                return await execute("EVAL", command.script.text, *command.tail)

    def close(self) -> None:
        """Close the connections of the threads. The next command opens new ones."""
        made, self._made = self._made, None
        if made is not None:
            if self._cluster:
                made.disconnect_connection_pools()  # `close` would leave them to the garbage collector
            made.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        client = self.of_loops.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    @property
    def of_threads(self) -> Any:
        """The client of the threads. It is made at first use, because a cluster client connects when it is made."""
        if self._made is None:
            self._made = self._make(self._library)
        return self._made

    def _of_this_loop(self) -> Any:
        """The client of this event loop. A connection can be used only by the loop that opened it."""
        loop = asyncio.get_running_loop()
        client = self.of_loops.get(loop)
        if client is None:
            for gone in [known for known in self.of_loops if known.is_closed()]:
                del self.of_loops[gone]
            client = self.of_loops[loop] = self._make(self._library.asyncio)
        return client

    def _make(self, module: Any) -> Any:
        kind = module.RedisCluster if self._cluster else module.Redis
        return kind.from_url(self._url, retry=module.retry.Retry(self._no_backoff(), 0), **self._options)

    def _everywhere(self) -> dict[str, Any]:
        return {"target_nodes": self._library.RedisCluster.PRIMARIES} if self._cluster else {}

    @contextmanager
    def _as_store_error(self) -> Iterator[None]:
        """Turn every failure into a StoreError. Not all are RedisErrors: for example, that a cluster is down."""
        try:
            yield
        except self._library.exceptions.OutOfMemoryError as error:
            raise StoreFull("the Redis server has no memory left: raise its maxmemory") from bare(error)
        except Exception as error:  # noqa: BLE001 - the caller needs only to know that the store failed
            raise StoreUnavailable(
                "the Redis store did not answer", facts={"why": type(error).__name__}
            ) from bare(error)
