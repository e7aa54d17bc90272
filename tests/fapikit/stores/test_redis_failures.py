"""Whatever a Redis server or cluster answers instead of the answer, the caller hears a StoreError and cannot decide."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import redis

from fapikit.errors import (
    Remedy,
    StoreError,
    StoreForgot,
    StoreFull,
    StoreUnavailable,
    UnfitStore,
    UnreadableRecord,
)
from fapikit.stores import RedisStore
from fapikit.stores.identity import REPLAY_WINDOW
from fapikit.stores.redis_steps import INSPECTED_EVERY
from tests.clocks import FrozenClock
from tests.servers import free_port, valkey_server

OPERATIONS: dict[str, tuple[Any, ...]] = {
    "get": (),
    "take": (),
    "put": (b"v", 60),
    "add": (b"v", 60),
    "swap": (b"v", b"w", 60),
}


def outcomes(store: RedisStore, operations: dict[str, tuple[Any, ...]] = OPERATIONS) -> list[Any]:
    """What each operation raises on both faces, in the order of OPERATIONS; None for one that is answered."""
    found: list[Any] = []

    def note(call: Callable[[], Any]) -> None:
        try:
            call()
            found.append(None)
        except StoreError as error:
            found.append(type(error))

    async def later(operation: str, arguments: tuple[Any, ...]) -> None:
        try:
            await getattr(store, f"a{operation}")("k", *arguments)
        finally:
            await store.aclose()

    for operation, arguments in operations.items():
        note(lambda operation=operation, arguments=arguments: getattr(store, operation)("k", *arguments))
        note(lambda operation=operation, arguments=arguments: asyncio.run(later(operation, arguments)))
    store.close()
    return found


@contextmanager
def answering(line: bytes) -> Iterator[str]:
    """A server that says the same to every command; without a line it hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                while connection.recv(65536) and line:
                    connection.sendall(line)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0?protocol=2"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    "line",
    [
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"-CLUSTERDOWN Hash slot not served\r\n",
        b"-MOVED 866 127.0.0.1:1\r\n",
        b"-ASK 866 127.0.0.1:1\r\n",
        b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
        b"-MISCONF Errors writing to the AOF file: No space left on device\r\n",
        b"-MASTERDOWN Link with MASTER is down\r\n",
        b"-NOREPLICAS Not enough good replicas to write.\r\n",
        b"-READONLY You can't write against a read only replica.\r\n",
        b"-BUSY Redis is busy running a script.\r\n",
        b"-NOAUTH Authentication required.\r\n",
        b"-ERR unknown command 'secret'\r\n",
        b"+OK\r\n",
        b":7\r\n",
        b"*0\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"",
    ],
    ids=lambda line: line.decode().split(" ")[0].strip(),
)
@pytest.mark.parametrize("cluster", [False, True], ids=["one server", "a cluster"])
def test_no_answer_of_a_server_is_anything_else_than_an_outage(line: bytes, cluster: bool) -> None:
    with answering(line) as url:
        store = RedisStore(url, timeout=0.3, cluster=cluster)
        few = {"add": OPERATIONS["add"]} if cluster else OPERATIONS
        found = outcomes(store, few)
        assert set(found) <= {StoreUnavailable, UnfitStore}, found


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with valkey_server(tmp_path) as running:
        yield running


@pytest.fixture
def admin(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as client:
        yield client


def test_another_type_under_an_entry_s_key_is_an_outage(url: str, admin: redis.Redis) -> None:
    admin.lpush("fapikit:k", "somebody else's")
    reading = {name: OPERATIONS[name] for name in ("get", "take", "swap")}
    assert set(outcomes(RedisStore(url), reading)) == {StoreUnavailable}


@pytest.mark.parametrize(
    "members", [{"name": "x"}, {"name": "x", "writes": "many", "forgot_at": "0"}, {"name": "x", "writes": 1}]
)
def test_a_record_of_identity_that_is_none_is_told(
    members: dict[str, Any], url: str, admin: redis.Redis
) -> None:
    admin.hset("fapikit:", mapping=members)
    assert set(outcomes(RedisStore(url))) == {UnreadableRecord}
    admin.delete("fapikit:")
    admin.set("fapikit:", "x")
    assert set(outcomes(RedisStore(url))) == {StoreUnavailable}


def test_a_record_of_identity_that_is_spoilt_while_it_is_used_is_told(url: str, admin: redis.Redis) -> None:
    store = RedisStore(url)
    store.put("k", b"v", 60)
    admin.hset("fapikit:", "writes", "many")
    with pytest.raises(UnreadableRecord):
        store.get("k")
    store.close()


def test_who_may_not_run_what_is_needed_cannot_decide(url: str, admin: redis.Redis) -> None:
    admin.execute_command("ACL SETUSER weak on >pw ~* +@all -info")
    admin.execute_command("ACL SETUSER weaker on >pw ~* +@all -@scripting")
    for user in ("weak", "weaker", "nobody"):
        theirs = url.replace("://", f"://{user}:pw@")
        assert set(outcomes(RedisStore(theirs))) == {StoreUnavailable}, user


def test_a_replica_is_refused_and_a_primary_that_becomes_one_is_an_outage(
    tmp_path: Path, url: str, admin: redis.Redis
) -> None:
    primary = RedisStore(url)
    primary.put("k", b"v", 60)
    (tmp_path / "replica").mkdir()
    port = url.rsplit(":", 1)[1].removesuffix("/0")
    with valkey_server(tmp_path / "replica", "--replicaof", f"127.0.0.1 {port}") as replica_url:
        assert set(outcomes(RedisStore(replica_url))) == {UnfitStore}
        while not any("failover" in warning for warning in primary.check().warnings):
            time.sleep(0.01)
        with redis.Redis.from_url(replica_url) as promoted:
            promoted.execute_command("REPLICAOF NO ONE")
        admin.execute_command("REPLICAOF", "127.0.0.1", replica_url.rsplit(":", 1)[1].removesuffix("/0"))
        for operation in ("put", "add", "swap"):
            with pytest.raises(StoreUnavailable):
                getattr(primary, operation)("k", *OPERATIONS[operation])
        primary.close()


def test_an_evicting_server_takes_no_mark_until_it_evicts_no_more(url: str, admin: redis.Redis) -> None:
    admin.config_set("maxmemory-policy", "volatile-lru")
    store = RedisStore(url)
    assert outcomes(store) == [None, None, None, None, None, None, UnfitStore, UnfitStore, None, None]
    with pytest.raises(UnfitStore):
        store.swap("n", None, b"v", 60)
    admin.config_set("maxmemory-policy", "noeviction")
    store.check()
    assert store.add("n", b"v", 60)
    store.close()


def test_a_policy_that_changes_under_a_running_process_is_noticed_within_seconds(
    url: str, admin: redis.Redis
) -> None:
    clock = FrozenClock()
    store = RedisStore(url, clock=clock)
    assert store.add("a", b"1", 60)
    admin.config_set("maxmemory-policy", "allkeys-random")
    clock.advance(INSPECTED_EVERY)
    with pytest.raises(UnfitStore):
        store.add("b", b"1", 60)
    admin.config_set("maxmemory-policy", "noeviction")
    clock.advance(INSPECTED_EVERY)
    assert store.add("b", b"1", 60), "nothing was evicted meanwhile"
    store.close()


def test_what_was_evicted_is_forgotten_also_where_the_server_evicts_no_more(
    url: str, admin: redis.Redis
) -> None:
    clock = FrozenClock()
    store, other = RedisStore(url, clock=clock), RedisStore(url, clock=clock)
    assert store.add("mark", b"1", 95)
    assert other.get("mark") == b"1"
    admin.config_set("maxmemory-policy", "volatile-lru")
    admin.config_set("maxmemory", admin.info("memory")["used_memory"] + 400_000)
    numbers = count()
    while admin.exists("fapikit:mark"):
        admin.set(f"flood{next(numbers)}", b"f" * 1000, px=60_000)
    admin.config_set("maxmemory-policy", "noeviction")
    admin.config_set("maxmemory", 0)
    clock.advance(INSPECTED_EVERY)
    store.put("k", b"v", 600)  # what is no mark goes on
    for one in (store, other):
        with pytest.raises(StoreForgot):
            one.add("mark", b"1", 95)
    clock.advance(REPLAY_WINDOW - 1)
    late = RedisStore(url, clock=clock)
    for one in (store, other, late):
        with pytest.raises(StoreForgot):
            one.add("mark", b"1", 95)
    clock.advance(1)
    assert store.add("mark", b"1", 95)
    for one in (store, other, late):
        one.close()


def test_a_server_without_memory_lets_be_read_and_taken(url: str, admin: redis.Redis) -> None:
    store = RedisStore(url)
    store.put("k", b"v" * 100_000, 60)
    store.put("n", b"v", 60)
    admin.config_set("maxmemory", 1)
    for operation in ("put", "add"):
        with pytest.raises(StoreFull):
            getattr(store, operation)("new", *OPERATIONS[operation])
    assert store.get("n") == b"v"
    assert store.take("k") == b"v" * 100_000
    assert store.take("k") is None
    store.close()


def test_a_cluster_that_is_down_fails_no_construction_and_is_used_once_it_is_up(tmp_path: Path) -> None:
    port = free_port()
    store = RedisStore(f"redis://127.0.0.1:{port}/0", cluster=True, timeout=0.3)
    assert set(outcomes(store)) == {StoreUnavailable}
    arguments = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with valkey_server(tmp_path, *arguments, port=port) as url:
        assert set(outcomes(store)) == {StoreUnavailable}, "no slot is served yet"
        with redis.Redis.from_url(url) as admin:
            admin.execute_command("CLUSTER ADDSLOTSRANGE 0 16383")
            while admin.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
                time.sleep(0.02)
        assert set(outcomes(store)) == {None}
        assert set(outcomes(RedisStore(url))) == {UnfitStore}, "a store that knows of no cluster"
    assert set(outcomes(store)) == {StoreUnavailable}


@pytest.mark.parametrize(
    ("scheme", "before", "after", "words", "remedy"),
    [
        ("redis", "", "/0", "refused the user or the password", Remedy.FIX_CONFIGURATION),
        (
            "redis",
            ":no-such-password@",
            "/0",
            "refused the user or the password",
            Remedy.FIX_CONFIGURATION,
        ),
        ("redis", ":good-password@", "/99", "has no database of this number", Remedy.FIX_CONFIGURATION),
        ("rediss", "", "/0", "did not answer: ", None),
    ],
    ids=["no password", "another password", "another database", "TLS, which it does not speak"],
)
def test_an_operator_is_told_which_server_and_why(
    scheme: str, before: str, after: str, words: str, remedy: Remedy | None, tmp_path: Path
) -> None:
    with valkey_server(tmp_path, "--requirepass", "good-password") as url:
        address = url.removeprefix("redis://").split("/")[0]
        for error in refusals(f"{scheme}://{before}{address}{after}"):
            assert str(error).startswith(f"the Redis store at {address} {words}")
            assert error.remedy is (remedy or error.remedy)
            assert "password@" not in repr(error), "no password of the URL"


def test_an_operator_is_told_that_nobody_listens() -> None:
    address = f"127.0.0.1:{free_port()}"
    for error in refusals(f"redis://user:secret@{address}/0"):
        assert str(error) == f"the Redis store at {address} did not answer: Connection refused"
        assert error.remedy is Remedy.RETRY_LATER
    for error in refusals("redis://no-such-host.invalid/0"):
        assert str(error).startswith(
            "the Redis store at no-such-host.invalid:6379 did not answer: the name is not found"
        )


def refusals(url: str) -> list[StoreUnavailable]:
    """What both faces say."""
    store = RedisStore(url, timeout=0.5)
    with pytest.raises(StoreUnavailable) as sync:
        store.get("k")

    async def ask() -> None:
        try:
            await store.aget("k")
        finally:
            await store.aclose()

    with pytest.raises(StoreUnavailable) as later:
        asyncio.run(ask())
    store.close()
    return [sync.value, later.value]
