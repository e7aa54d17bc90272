"""A store from one line of configuration."""

from __future__ import annotations

from fapikit.errors import ConfigurationError
from fapikit.stores.memory import MemoryStore
from fapikit.stores.protocol import Store
from fapikit.stores.redis import RedisStore
from fapikit.stores.sqlite import SqliteStore

_SQLITE = "sqlite:///"


def store_from_url(url: str) -> Store:
    """`memory:`, `sqlite:///bank.db` (relative), `sqlite:////var/lib/bank.db` (absolute), or a Redis URL.

    Redis and Valkey take `redis://`, `rediss://` (TLS) and `unix://`; `redis+cluster://` and `rediss+cluster://` name
    a node of a cluster. Raises ConfigurationError.
    """
    if url == "memory:":
        return MemoryStore()
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return SqliteStore(url.removeprefix(_SQLITE))
    if url.startswith(("redis://", "rediss://", "unix://")):
        return RedisStore(url)
    if url.startswith(("redis+cluster://", "rediss+cluster://")):
        return RedisStore(url.replace("+cluster", "", 1), cluster=True)
    raise ConfigurationError(
        "a store is memory:, sqlite:///file, redis://host:port, rediss://host:port or unix:///socket",
        facts={"scheme": url.split(":", 1)[0][:20]},
    )
