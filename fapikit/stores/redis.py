"""A store in Redis or Valkey (6.2 or newer), shared by many processes on many hosts.

Each operation is one round trip on one key, so it runs on a cluster. Nothing is retried: a write whose answer was lost
may have happened, so the caller hears StoreUnavailable and cannot decide. The server must run with
`maxmemory-policy noeviction`, or it forgets what must not be forgotten: `check()` tells at start-up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from fapikit.errors import ConfigurationError, StoreFull, StoreUnavailable
from fapikit.stores.protocol import StorePromise, require_entry, require_key
from fapikit.stores.redis_server import nodes_of, promise_of_server
from fapikit.tracebacks import bare

_SWAP: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1
end
return 0
"""
_LONGEST_MS: Final = 100 * 365 * 86_400_000


class RedisStore:
    """`url`: redis://, rediss:// (TLS) or unix://. `prefix` keeps this store's keys apart from others' there.

    `timeout` is in seconds, for connecting and for each answer. `cluster`: the URL names a node of a cluster.
    Raises ConfigurationError where the package redis is not installed.
    """

    def __init__(
        self, url: str, *, prefix: str = "fapikit:", timeout: float = 2.0, cluster: bool = False
    ) -> None:
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
        self._prefix = prefix
        self._cluster = cluster
        self._options = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
        self._no_backoff = NoBackoff
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()
        self._client = self._make(redis)

    def get(self, key: str) -> bytes | None:
        require_key(key)
        with self._mapped():
            return cast("bytes | None", self._client.get(self._prefix + key))

    def put(self, key: str, value: bytes, ttl: float) -> None:
        require_entry(key, value, ttl)
        with self._mapped():
            self._client.set(self._prefix + key, value, px=_milliseconds(ttl))

    def take(self, key: str) -> bytes | None:
        require_key(key)
        with self._mapped():
            return cast("bytes | None", self._client.getdel(self._prefix + key))

    def add(self, key: str, value: bytes, ttl: float) -> bool:
        require_entry(key, value, ttl)
        with self._mapped():
            return bool(self._client.set(self._prefix + key, value, px=_milliseconds(ttl), nx=True))

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        if expected is None:
            return self.add(key, new, ttl)
        require_entry(key, new, ttl)
        with self._mapped():
            return bool(
                self._client.eval(_SWAP, 1, self._prefix + key, expected, new, str(_milliseconds(ttl)))
            )

    async def aget(self, key: str) -> bytes | None:
        require_key(key)
        with self._mapped():
            return cast("bytes | None", await self._async_client().get(self._prefix + key))

    async def aput(self, key: str, value: bytes, ttl: float) -> None:
        require_entry(key, value, ttl)
        with self._mapped():
            await self._async_client().set(self._prefix + key, value, px=_milliseconds(ttl))

    async def atake(self, key: str) -> bytes | None:
        require_key(key)
        with self._mapped():
            return cast("bytes | None", await self._async_client().getdel(self._prefix + key))

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
        require_entry(key, value, ttl)
        with self._mapped():
            set_if_absent = self._async_client().set
            return bool(await set_if_absent(self._prefix + key, value, px=_milliseconds(ttl), nx=True))

    async def aswap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        if expected is None:
            return await self.aadd(key, new, ttl)
        require_entry(key, new, ttl)
        with self._mapped():
            swap = self._async_client().eval
            return bool(await swap(_SWAP, 1, self._prefix + key, expected, new, str(_milliseconds(ttl))))

    def check(self) -> StorePromise:
        """What the server can keep. Raises UnfitStore if it would evict live entries when its memory is full.

        For start-up: what a store forgets early is a proof or a code that works twice.
        """
        with self._mapped():
            answer = self._client.info()
        return promise_of_server(nodes_of(answer), cluster=self._cluster)

    async def acheck(self) -> StorePromise:
        with self._mapped():
            answer = await self._async_client().info()
        return promise_of_server(nodes_of(answer), cluster=self._cluster)

    def close(self) -> None:
        """Close the connections of the sync face."""
        self._client.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def __repr__(self) -> str:
        return f"RedisStore(prefix={self._prefix!r})"  # the URL may hold a password

    def _make(self, module: Any) -> Any:
        kind = module.RedisCluster if self._cluster else module.Redis
        try:
            return kind.from_url(self._url, retry=module.retry.Retry(self._no_backoff(), 0), **self._options)
        except (ValueError, TypeError) as error:
            # Not chained: the library's message may quote the URL, and with it a password.
            raise ConfigurationError(f"not a usable Redis URL ({type(error).__name__})") from None

    def _async_client(self) -> Any:
        """This loop's client. A connection belongs to the loop that opened it."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            for gone in [known for known in self._clients if known.is_closed()]:
                del self._clients[gone]
            client = self._clients[loop] = self._make(self._library.asyncio)
        return client

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        errors = self._library.exceptions
        try:
            yield
        except errors.OutOfMemoryError as error:
            raise StoreFull("the Redis server has no memory left") from bare(error)
        except (errors.RedisError, OSError) as error:
            raise StoreUnavailable(
                "the Redis store did not answer", facts={"why": type(error).__name__}
            ) from bare(error)


def _milliseconds(ttl: float) -> int:
    return min(max(ceil(ttl * 1000), 1), _LONGEST_MS)
