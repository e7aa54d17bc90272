"""The INFO of a Redis or Valkey server, read for one question: can this server keep what a store promises?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fapikit.errors import StoreUnavailable, UnfitStore
from fapikit.stores.protocol import StorePromise

Info = Mapping[str, Any]
"""The response of one server to INFO."""

_KEEPS: Final = "noeviction"


def nodes_of(answer: Info) -> list[Info]:
    """The INFO of each node. A cluster returns a mapping from node to INFO. Raises StoreUnavailable."""
    nodes = [answer] if "redis_version" in answer else list(answer.values())
    if not nodes or not all(isinstance(node, dict) for node in nodes):
        raise StoreUnavailable("the server at the URL of the Redis store does not answer INFO as Redis does")
    return nodes


def require_primaries(nodes: Iterable[Info], *, cluster: bool) -> None:
    """Raises UnfitStore for a replica, and for a node of a cluster that was not declared as one."""
    for node in nodes:
        if node.get("role") != "master":
            raise UnfitStore(
                "this Redis server is a replica, which accepts no writes: use the URL of the primary",
                facts={"role": node.get("role")},
            )
        if _number(node, "cluster_enabled") == 1 and not cluster:
            raise UnfitStore(
                "this Redis server is part of a cluster: use a URL with redis+cluster://, or set cluster=True",
                facts={"cluster_enabled": 1},
            )


def require_no_eviction(nodes: Iterable[Info]) -> None:
    """Raises UnfitStore for a server that evicts live entries when its memory is full."""
    for node in nodes:
        policy = node.get("maxmemory_policy")
        if policy != _KEEPS:
            raise UnfitStore(
                "the maxmemory-policy of this Redis server lets it evict live entries when its memory is full, so no "
                "replay mark is written: set maxmemory-policy noeviction",
                facts={"maxmemory-policy": policy},
            )


def evicted_by(nodes: Iterable[Info]) -> int:
    """How many live entries these servers have evicted since their start."""
    return sum(_number(node, "evicted_keys") for node in nodes)


def promise_of(nodes: Iterable[Info]) -> StorePromise:
    """The promise of these servers, which passed `require_primaries`."""
    nodes = list(nodes)
    durable = all(_number(node, "aof_enabled") == 1 for node in nodes)
    warnings = dict.fromkeys(warning for node in nodes for warning in _warnings(node))
    return StorePromise(shared=True, durable=durable, warnings=tuple(warnings))


def _warnings(node: Info) -> Iterator[str]:
    if _number(node, "aof_enabled") != 1:
        yield (
            "the Redis server has appendonly no: a restart of it loses the writes since its last snapshot, or all data"
        )
    if _number(node, "connected_slaves"):
        yield "the Redis server has replicas: a failover may lose the last writes"
    if not _number(node, "maxmemory"):
        yield "the Redis server has maxmemory 0: the store can use all memory of the host"


def _number(node: Info, name: str) -> int:
    value = node.get(name)
    return value if isinstance(value, int) else 0
