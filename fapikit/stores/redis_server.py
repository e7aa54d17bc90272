"""What a Redis or Valkey server says of itself, read for the one question: can it keep what a store promises?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fapikit.errors import UnfitStore
from fapikit.stores.protocol import StorePromise

Info = Mapping[str, Any]
"""The answer of one server to INFO."""

_KEEPS: Final = "noeviction"


def nodes_of(answer: Mapping[str, Any]) -> list[Info]:
    """The INFO of each node: a cluster of several answers for each, by its name."""
    return [answer] if "redis_version" in answer else list(answer.values())


def promise_of_server(nodes: Iterable[Info], *, cluster: bool) -> StorePromise:
    """Raises UnfitStore where a server would forget what lives, or does not take what is written."""
    nodes = list(nodes)
    for node in nodes:
        _require_fit(node, cluster=cluster)
    durable = all(_number(node, "aof_enabled") == 1 for node in nodes)
    warnings = dict.fromkeys(warning for node in nodes for warning in _warnings(node))
    return StorePromise(shared=True, durable=durable, warnings=tuple(warnings))


def _require_fit(node: Info, *, cluster: bool) -> None:
    policy = node.get("maxmemory_policy")
    if policy != _KEEPS:
        raise UnfitStore(
            "a Redis store needs maxmemory-policy noeviction: this server forgets what lives when its memory is full",
            facts={"maxmemory-policy": policy},
        )
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
