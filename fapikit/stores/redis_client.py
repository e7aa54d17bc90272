"""How a Redis store reaches its server: the connections of threads and of event loops, and what their failures mean."""

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
    """One round trip; without a script it asks the server what it is."""

    script: Script | None
    keys: tuple[str, ...] = ()
    arguments: tuple[str | bytes | int, ...] = ()

    @property
    def tail(self) -> tuple[Any, ...]:
        return (len(self.keys), *self.keys, *self.arguments)


class RedisClient:
    """`send` and `asend` raise StoreFull and StoreUnavailable, and nothing else. Nothing is sent twice."""

    def __init__(self, url: str, *, timeout: float, cluster: bool) -> None:
        """Raises ConfigurationError without the package redis, and for a URL that it cannot use."""
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
            # Not chained: the library's message may quote the URL, and with it a password.
            raise ConfigurationError(f"not a usable Redis URL ({type(error).__name__})") from None

    def send(self, command: Command) -> Any:
        with self._told():
            execute = self.of_threads.execute_command
            if command.script is None:
                return execute("INFO", **self._everywhere())
            try:
                return execute("EVALSHA", command.script.sha, *command.tail)
            except self._library.exceptions.NoScriptError:  # it has not run there yet: nothing was done
                return execute("EVAL", command.script.text, *command.tail)

    async def asend(self, command: Command) -> Any:
        with self._told():
            execute = self._of_this_loop().execute_command
            if command.script is None:
                return await execute("INFO", **self._everywhere())
            try:
                return await execute("EVALSHA", command.script.sha, *command.tail)
            except self._library.exceptions.NoScriptError:
                return await execute("EVAL", command.script.text, *command.tail)

    def close(self) -> None:
        """Close the connections of the threads; the next command opens others."""
        made, self._made = self._made, None
        if made is not None:
            if self._cluster:
                made.disconnect_connection_pools()  # close leaves them to the garbage collection
            made.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        client = self.of_loops.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    @property
    def of_threads(self) -> Any:
        """Made at first use: that of a cluster looks for its nodes as it is made."""
        if self._made is None:
            self._made = self._make(self._library)
        return self._made

    def _of_this_loop(self) -> Any:
        """A connection belongs to the loop that opened it."""
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
    def _told(self) -> Iterator[None]:
        """Whatever fails here is the store's failure: that a cluster is down, say, is no RedisError."""
        try:
            yield
        except self._library.exceptions.OutOfMemoryError as error:
            raise StoreFull("the Redis server has no memory left") from bare(error)
        except Exception as error:  # noqa: BLE001 - told as what it is to the caller
            raise StoreUnavailable(
                "the Redis store did not answer", facts={"why": type(error).__name__}
            ) from bare(error)
