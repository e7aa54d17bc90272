"""What a Redis or Valkey server says of itself, read for the one question: can it keep what a store promises?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fapikit.errors import StoreUnavailable, UnfitStore
from fapikit.stores.protocol import StorePromise

Info = Mapping[str, Any]
"""The answer of one server to INFO."""

_KEEPS: Final = "noeviction"


def nodes_of(answer: Info) -> list[Info]:
    """The INFO of each node: a cluster of several answers for each, by its name. Raises StoreUnavailable."""
    nodes = [answer] if "redis_version" in answer else list(answer.values())
    if not nodes or not all(isinstance(node, dict) for node in nodes):
        raise StoreUnavailable("what answers for the Redis store does not say what it is")
    return nodes


def require_primaries(nodes: Iterable[Info], *, cluster: bool) -> None:
    """Raises UnfitStore for a server that does not take, or not from here, what is to be written."""
    for node in nodes:
        if node.get("role") != "master":
            raise UnfitStore(
                "a Redis store needs the primary: this server is a replica, which takes no writes",
                facts={"role": node.get("role")},
            )
        if _number(node, "cluster_enabled") == 1 and not cluster:
            raise UnfitStore(
                "this Redis server is part of a cluster: name it by redis+cluster://, or give cluster=True",
                facts={"cluster_enabled": 1},
            )


def require_no_eviction(nodes: Iterable[Info]) -> None:
    """Raises UnfitStore for a server that forgets what lives once its memory is full."""
    for node in nodes:
        policy = node.get("maxmemory_policy")
        if policy != _KEEPS:
            raise UnfitStore(
                "a Redis store needs maxmemory-policy noeviction: with another, this server forgets what lives when "
                "its memory is full, so nothing is marked in it",
                facts={"maxmemory-policy": policy},
            )


def evicted_by(nodes: Iterable[Info]) -> int:
    """How many live entries these servers have evicted since they were started."""
    return sum(_number(node, "evicted_keys") for node in nodes)


def promise_of(nodes: Iterable[Info]) -> StorePromise:
    """Of servers that are fit."""
    nodes = list(nodes)
    durable = all(_number(node, "aof_enabled") == 1 for node in nodes)
    warnings = dict.fromkeys(warning for node in nodes for warning in _warnings(node))
    return StorePromise(shared=True, durable=durable, warnings=tuple(warnings))


def _warnings(node: Info) -> Iterator[str]:
    if _number(node, "aof_enabled") != 1:
        yield (
            "the Redis server has appendonly no: a restart of it forgets what was written since its last snapshot, "
            "or everything"
        )
    if _number(node, "connected_slaves"):
        yield "the Redis server has replicas: a failover may lose the writes of the last moments"
    if not _number(node, "maxmemory"):
        yield "the Redis server has maxmemory 0: nothing bounds what the store takes but the host's memory"


def _number(node: Info, name: str) -> int:
    value = node.get(name)
    return value if isinstance(value, int) else 0
