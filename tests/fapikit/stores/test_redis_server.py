"""What is read from a Redis server's own words: one fit server, and one mutation for each thing that makes it unfit."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.errors import ConfigurationError, StoreError, UnfitStore
from fapikit.stores import StorePromise
from fapikit.stores.redis_server import nodes_of, promise_of, require_no_eviction, require_primaries

FIT: dict[str, Any] = {
    "redis_version": "7.2.4",
    "role": "master",
    "maxmemory_policy": "noeviction",
    "maxmemory": 1 << 30,
    "aof_enabled": 1,
    "connected_slaves": 0,
    "cluster_enabled": 0,
}


def promise_of_server(nodes: list[Any], *, cluster: bool) -> StorePromise:
    require_primaries(nodes, cluster=cluster)
    require_no_eviction(nodes)
    return promise_of(nodes)


def test_a_fit_server_keeps_everything_and_there_is_nothing_to_say() -> None:
    assert promise_of_server(nodes_of(FIT), cluster=False) == StorePromise(shared=True, durable=True)


@pytest.mark.parametrize(
    "change",
    [
        {"maxmemory_policy": "allkeys-lru"},
        {"maxmemory_policy": "volatile-ttl"},
        {"maxmemory_policy": None},
        {"role": "slave"},
        {"role": None},
        {"cluster_enabled": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("nodes", [1, 3])
def test_an_unfit_server_is_refused_whichever_node_it_is(change: dict[str, Any], nodes: int) -> None:
    answers = [FIT] * (nodes - 1) + [FIT | change]
    with pytest.raises(UnfitStore) as refused:
        promise_of_server(answers, cluster=False)
    assert isinstance(refused.value, StoreError), "who needs the store cannot decide"
    assert isinstance(refused.value, ConfigurationError)
    (fact,) = refused.value.facts.values()
    assert fact == str(*change.values())


@pytest.mark.parametrize(
    "change, durable, word",
    [
        ({"aof_enabled": 0}, False, "appendonly"),
        ({"connected_slaves": 2}, True, "failover"),
        ({"maxmemory": 0}, True, "maxmemory 0"),
    ],
)
def test_what_an_operator_should_know_is_said(change: dict[str, Any], durable: bool, word: str) -> None:
    promise = promise_of_server(
        nodes_of({"a:1": FIT, "b:2": FIT | change, "c:3": FIT | change}), cluster=False
    )
    assert promise.durable is durable
    (warning,) = promise.warnings
    assert word in warning


def test_a_node_of_a_cluster_is_fit_for_a_store_that_knows_of_it() -> None:
    assert promise_of_server([FIT | {"cluster_enabled": 1}], cluster=True).shared
