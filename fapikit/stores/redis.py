"""A store in Redis or Valkey (6.2 or newer), shared by many processes on many hosts.

Each operation is one round trip: a script on one entry and on the store's record of identity (`identity`), which lie in
one hash slot, so it runs on a cluster. Nothing is retried: a write whose answer was lost may have happened, so the
caller hears StoreUnavailable and cannot decide. In a server that would forget what lives (`redis_server`)
nothing is marked: it is looked at before the first operation, and again every few seconds.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from fapikit.clock import Clock, system_clock
from fapikit.errors import StoreError
from fapikit.stores.protocol import StorePromise
from fapikit.stores.redis_client import RedisClient
from fapikit.stores.redis_steps import RedisSteps, Steps
from fapikit.tracebacks import bare

T = TypeVar("T")


class RedisStore:
    """`url`: redis://, rediss:// (TLS) or unix://. `prefix` keeps this store's keys apart from others' there.

    `timeout` is in seconds, for connecting and for each answer. `cluster`: the URL names a node of a cluster.
    Raises ConfigurationError where the package redis is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "fapikit:",
        timeout: float = 2.0,
        cluster: bool = False,
        clock: Clock = system_clock,
    ) -> None:
        self._prefix = prefix
        self._server = RedisClient(url, timeout=timeout, cluster=cluster)
        self._steps = RedisSteps(prefix, cluster=cluster, clock=clock)

    def get(self, key: str) -> bytes | None:
        return self._run(self._steps.get(key))

    def put(self, key: str, value: bytes, ttl: float) -> None:
        self._run(self._steps.put(key, value, ttl))

    def take(self, key: str) -> bytes | None:
        return self._run(self._steps.take(key))

    def add(self, key: str, value: bytes, ttl: float) -> bool:
        return self._run(self._steps.add(key, value, ttl))

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        return self._run(self._steps.swap(key, expected, new, ttl))

    async def aget(self, key: str) -> bytes | None:
        return await self._arun(self._steps.get(key))

    async def aput(self, key: str, value: bytes, ttl: float) -> None:
        await self._arun(self._steps.put(key, value, ttl))

    async def atake(self, key: str) -> bytes | None:
        return await self._arun(self._steps.take(key))

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
        return await self._arun(self._steps.add(key, value, ttl))

    async def aswap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        return await self._arun(self._steps.swap(key, expected, new, ttl))

    def check(self) -> StorePromise:
        """What the server can keep. Raises UnfitStore if it would evict live entries when its memory is full.

        For start-up: what a store forgets early is a proof or a code that works twice.
        """
        return self._run(self._steps.check())

    async def acheck(self) -> StorePromise:
        return await self._arun(self._steps.check())

    @property
    def forgot_at(self) -> float:
        """When the store was last found to have forgotten what it held, as far as this process knows; -inf: never."""
        return self._steps.forgot_at

    def close(self) -> None:
        """Close the connections of the sync face."""
        self._server.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        await self._server.aclose()

    def __repr__(self) -> str:
        return f"RedisStore(prefix={self._prefix!r})"  # the URL may hold a password

    def _run(self, steps: Steps[T]) -> T:
        reply: Any = None
        try:
            while True:
                reply = self._server.send(steps.send(reply))
        except StopIteration as stop:
            return cast(T, stop.value)
        except StoreError as error:
            raise bare(error) from error.__cause__  # the steps hold what was to be stored

    async def _arun(self, steps: Steps[T]) -> T:
        reply: Any = None
        try:
            while True:
                reply = await self._server.asend(steps.send(reply))
        except StopIteration as stop:
            return cast(T, stop.value)
        except StoreError as error:
            raise bare(error) from error.__cause__  # the steps hold what was to be stored
