"""Each store under test, with a real server behind the Redis one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from fapikit.stores import MemoryStore, RedisStore, SqliteStore
from tests.clocks import FrozenClock
from tests.fapikit.stores.contender import sealed


@dataclass
class Subject:
    """One store under test: `pass_time` makes what lived `short` seconds expire."""

    store: Any
    short: float
    pass_time: Callable[[], None]
    url: str | None

    def call(self, face: str, operation: str, *arguments: Any) -> Any:
        if face == "sync":
            return getattr(self.store, operation)(*arguments)

        async def run() -> Any:
            try:
                return await getattr(self.store, f"a{operation}")(*arguments)
            finally:
                if hasattr(self.store, "aclose"):
                    await self.store.aclose()

        return asyncio.run(run())


@pytest.fixture(params=["memory", "sqlite", "redis", "sealed memory", "sealed sqlite", "sealed redis"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    seal, _, kind = request.param.rpartition(" ")
    clock = FrozenClock()
    if kind == "redis":
        url = request.getfixturevalue("valkey_url")
        inner: Any = RedisStore(url)
        server = inner._server.of_threads
        server.flushall()
        yield Subject(sealed(inner, bool(seal)), 60.0, lambda: _expire(server, 60.0), url)
        inner.close()
    elif kind == "sqlite":
        inner = SqliteStore(tmp_path / "store.db", clock=clock)
        yield Subject(
            sealed(inner, bool(seal)), 10.0, lambda: clock.advance(10), f"sqlite:///{tmp_path}/other.db"
        )
        inner.close()
    else:
        yield Subject(sealed(MemoryStore(clock=clock), bool(seal)), 10.0, lambda: clock.advance(10), None)


def _expire(client: redis.Redis, short: float) -> None:
    """Bring forward the end of all that lives `short` seconds or less, and wait until the server has let it go."""
    ending = [key for key in client.keys("*") if 0 < client.pttl(key) <= short * 1000]
    for key in ending:
        client.pexpire(key, 1)
    while ending and client.exists(*ending):
        pass
