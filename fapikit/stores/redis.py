"""A store in Redis or Valkey (6.2 or newer), shared by many processes on many hosts.

Each operation is one round trip: a script on one entry and on the identity record of the store (`identity`). Both are
in one hash slot, so the script runs on a cluster too. Nothing is retried: if the response to a write is lost, the write
may have happened. The caller gets StoreUnavailable and cannot decide. The server is checked before the first operation,
and again every few seconds. In a server that may lose live entries (`redis_server`) no replay mark is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from fapikit.clock import Clock, system_clock
from fapikit.errors import StoreError
from fapikit.setting_types import require_text
from fapikit.stores.protocol import StorePromise
from fapikit.stores.redis_client import RedisClient
from fapikit.stores.redis_steps import RedisSteps, Steps
from fapikit.stores.together import Operation, Results
from fapikit.tracebacks import bare

T = TypeVar("T")


class RedisStore:
    """`url`: redis://, rediss:// (TLS) or unix://. `prefix`: the beginning of all keys of this store in the server.

    `timeout`: in seconds, for connecting and for each response. `cluster`: the URL names a node of a cluster.
    Raises ConfigurationError for a URL that cannot be used, or if the package redis is not installed.
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
        require_text("url", url)
        require_text("prefix", prefix)
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

    def together(self, operations: Sequence[Operation]) -> Results:
        """Several operations in one round trip, up to the first `add` or `swap` that does not succeed."""
        return self._run(self._steps.together(operations))

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

    async def atogether(self, operations: Sequence[Operation]) -> Results:
        return await self._arun(self._steps.together(operations))

    def check(self) -> StorePromise:
        """What the server can keep. Raises UnfitStore if it may evict live entries when its memory is full.

        Call it at start-up: if a store loses an entry early, a proof or a code can be used twice.
        """
        return self._run(self._steps.check())

    async def acheck(self) -> StorePromise:
        return await self._arun(self._steps.check())

    @property
    def forgot_at(self) -> float:
        """When a loss of data was last noticed, as far as this process knows; -inf: never."""
        return self._steps.forgot_at

    def close(self) -> None:
        """Close the connections of the sync methods."""
        self._server.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        await self._server.aclose()

    def __repr__(self) -> str:
        return f"RedisStore(prefix={self._prefix!r})"  # without the URL, which may have a password

    def _run(self, steps: Steps[T]) -> T:
        reply: Any = None
        try:
            while True:
                reply = self._server.send(steps.send(reply))
        except StopIteration as stop:
            return cast(T, stop.value)
        except StoreError as error:
            raise bare(error) from error.__cause__  # the frames of the steps have the value in clear

    async def _arun(self, steps: Steps[T]) -> T:
        reply: Any = None
        try:
            while True:
                reply = await self._server.asend(steps.send(reply))
        except StopIteration as stop:
            return cast(T, stop.value)
        except StoreError as error:
            raise bare(error) from error.__cause__  # the steps hold what was to be stored
