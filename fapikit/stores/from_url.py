"""A store from one line of configuration."""

from __future__ import annotations

from fapikit.clock import Clock, system_clock
from fapikit.errors import ConfigurationError
from fapikit.stores.memory import MAX_OCTETS as MEMORY_OCTETS
from fapikit.stores.memory import MemoryStore
from fapikit.stores.protocol import Store

_SQLITE = "sqlite:///"
_CLUSTER = ("redis+cluster://", "rediss+cluster://")
_REDIS = ("redis://", "rediss://", "unix://", *_CLUSTER)


def store_from_url(url: str, *, max_octets: int | None = None, clock: Clock = system_clock) -> Store:
    """`memory:`, `sqlite:///bank.db` (relative), `sqlite:////var/lib/bank.db` (absolute), or a Redis URL.

    Redis and Valkey take `redis://`, `rediss://` (TLS) and `unix://`; `redis+cluster://` and `rediss+cluster://` name
    a node of a cluster. `max_octets`: the limit of a memory or SQLite store. Raises ConfigurationError.
    """
    if url == "memory:":
        return MemoryStore(max_octets=MEMORY_OCTETS if max_octets is None else max_octets, clock=clock)
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        from fapikit.stores.sqlite import MAX_OCTETS as SQLITE_OCTETS
        from fapikit.stores.sqlite import SqliteStore

        octets = SQLITE_OCTETS if max_octets is None else max_octets
        return SqliteStore(url.removeprefix(_SQLITE), max_octets=octets, clock=clock)
    if max_octets is not None and "://" in url:
        raise ConfigurationError(
            "max_octets does not apply to a Redis store: leave it out, and set maxmemory at the Redis server"
        )
    if url.startswith(_REDIS):
        from fapikit.stores.redis import RedisStore

        return RedisStore(url.replace("+cluster", "", 1), cluster=url.startswith(_CLUSTER), clock=clock)
    raise ConfigurationError(
        "this is not the URL of a store: use memory:, sqlite:///file, redis://host:port, rediss://host:port or"
        " unix:///socket",
        facts={"scheme": url.split(":", 1)[0][:20]},
    )
