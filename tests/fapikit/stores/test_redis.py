"""Redis and Valkey: one round trip on one key, outages told as such, nothing said twice."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from fapikit.errors import ConfigurationError, StoreFull, StoreUnavailable, UnfitStore
from fapikit.stores import RedisStore, store_from_url
from fapikit.stores.together import Operation
from tests.forks import in_child
from tests.servers import free_port, valkey_server


@pytest.fixture
def store(valkey_url: str) -> Iterator[RedisStore]:
    made = RedisStore(valkey_url)
    made._server.of_threads.flushall()
    yield made
    made.close()


def test_each_operation_is_one_command_on_one_entry(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for warm in (store.get, store.take):
        warm("warm")
    store.put("warm", b"v", 60)
    store.add("warm", b"v", 60)
    store.swap("warm", b"v", b"w", 60)
    sent: list[tuple[object, ...]] = []
    send = redis.connection.AbstractConnection.send_command

    def listen(self: redis.connection.AbstractConnection, *words: object, **options: object) -> None:
        sent.append(words)
        send(self, *words, **options)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_command", listen)
    store.get("k")
    store.put("k", b"v", 60)
    store.add("k", b"v", 60)
    store.swap("k", b"v", b"w", 60)
    store.swap("n", None, b"w", 60)
    store.take("k")
    assert [words[0] for words in sent] == ["EVALSHA"] * 6
    # Beside the entry each looks at the record of identity, in the same round trip.
    assert [words[3:5] for words in sent] == [("fapikit:", f"fapikit:{key}") for key in "kkkknk"]


def test_the_prefix_keeps_keys_apart(valkey_url: str, store: RedisStore) -> None:
    other = RedisStore(valkey_url, prefix="other:")
    store.put("k", b"mine", 60)
    assert other.get("k") is None
    assert store._server.of_threads.get("fapikit:k") == b"mine"
    other.close()


def test_a_life_is_kept_to_the_millisecond(store: RedisStore) -> None:
    store.put("k", b"v", 1.5)
    assert 1000 < store._server.of_threads.pttl("fapikit:k") <= 1500
    store.put("k", b"v", 0.0001)
    assert store._server.of_threads.pttl("fapikit:k") <= 1


def test_an_outage_is_told_as_such_on_both_faces() -> None:
    gone = RedisStore(f"redis://:secret@127.0.0.1:{free_port()}/0", timeout=0.2)
    with pytest.raises(StoreUnavailable) as refused:
        gone.get("k")
    assert "secret" not in f"{refused.value} {dict(refused.value.facts)} {gone!r}"

    async def main() -> None:
        with pytest.raises(StoreUnavailable):
            await gone.aadd("k", b"v", 60)
        await gone.aclose()

    asyncio.run(main())


def test_an_answer_that_is_lost_is_an_outage_and_nothing_is_sent_twice(valkey_url: str) -> None:
    """Between store and server stands somebody who swallows every command on the key."""
    swallowed: list[bytes] = []
    upstream_port = int(valkey_url.rsplit(":", 1)[1].removesuffix("/0"))
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as upstream:
        upstream.connect(("127.0.0.1", upstream_port))

        def between() -> None:
            connection, _ = server.accept()
            with connection:
                while chunk := connection.recv(4096):
                    if b"fapikit:k" in chunk:
                        swallowed.append(chunk)
                    else:
                        upstream.sendall(chunk)
                        connection.sendall(upstream.recv(65536))

        thread = threading.Thread(target=between)
        thread.start()
        silent = RedisStore(f"redis://127.0.0.1:{server.getsockname()[1]}/0", timeout=0.5)
        with pytest.raises(StoreUnavailable) as refused:
            silent.add("k", b"v", 60)
        silent.close()
        thread.join()
    assert refused.value.facts["why"] == "TimeoutError"
    assert len(swallowed) == 1


def test_a_server_that_would_evict_is_found_out_at_start_up(tmp_path: Path, store: RedisStore) -> None:
    store.check()
    with valkey_server(tmp_path, "--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru") as url:
        evicting = RedisStore(url)
        with pytest.raises(UnfitStore) as refused:
            evicting.check()
        assert refused.value.facts["maxmemory-policy"] == "allkeys-lru"
        evicting.close()


def fill(store: RedisStore) -> None:
    for number in range(1, 20):
        store.put(f"k{number}", b"v" * 500_000, 60)


def test_a_server_without_memory_is_a_full_store(tmp_path: Path) -> None:
    with valkey_server(tmp_path, "--maxmemory", "3mb") as url:
        store = RedisStore(url)
        store.put("k0", b"v" * 500_000, 60)
        with pytest.raises(StoreFull):
            fill(store)
        assert store.get("k0") == b"v" * 500_000, "what lives is not evicted"
        store.close()


def test_a_connection_that_the_server_closed_is_opened_again(store: RedisStore) -> None:
    store.put("k", b"v", 60)
    with redis.Redis.from_url(store._server._url) as admin:
        admin.client_kill_filter(_type="normal", skipme=True)
    assert store.get("k") == b"v"


def test_so_it_is_on_an_event_loop(store: RedisStore) -> None:
    async def main() -> None:
        await store.aput("k", b"v", 60)
        with redis.Redis.from_url(store._server._url) as admin:
            admin.client_kill_filter(_type="normal", skipme=True)
        here = store._server.of_loops[asyncio.get_running_loop()]
        assert here.connection is not None
        while not here.connection._connection._reader.at_eof():  # until the loop has heard of it
            await asyncio.sleep(0)
        assert await store.aget("k") == b"v"
        await store.aclose()

    asyncio.run(main())


def test_the_answer_to_a_cancelled_operation_never_reaches_another(store: RedisStore) -> None:
    async def main() -> None:
        for number in range(40):
            await store.aput(f"k{number}", b"%d" % number, 60)
        for number in range(40):
            task = asyncio.ensure_future(store.aget(f"k{number}"))
            for _ in range(number % 8):
                await asyncio.sleep(0)
            task.cancel()
            other = (number + 7) % 40
            assert await store.aget(f"k{other}") == b"%d" % other
            await asyncio.gather(task, return_exceptions=True)
        await store.aclose()

    asyncio.run(main())


def test_an_error_that_the_server_answers_leaves_the_connection_usable(store: RedisStore) -> None:
    store.put("k", b"v", 60)
    server = store._server.of_threads
    server.script_flush()  # the next operation is answered that its script is unknown
    before = server.info("stats")["total_connections_received"]
    assert store.get("k") == b"v"
    assert server.info("stats")["total_connections_received"] == before


def test_there_are_only_so_many_connections_of_threads(valkey_url: str) -> None:
    store = RedisStore(f"{valkey_url}?max_connections=3")
    assert store.get("absent") is None
    connections = store._server._connections
    assert connections is not None
    borrowed = [connections._borrow() for _ in range(3)]
    with pytest.raises(StoreUnavailable):
        store.get("absent")
    connections._idle.extend(borrowed)
    assert store.get("absent") is None
    store.close()


def test_what_comes_up_together_goes_together_and_everybody_gets_his_own_answer(store: RedisStore) -> None:
    async def main() -> None:
        await store.aput("k0", b"0", 60)
        received = store._server.of_threads.info("stats")["total_connections_received"]
        added = await asyncio.gather(*[store.aadd(f"k{n}", b"%d" % n, 60) for n in range(200)])
        assert added == [False, *[True] * 199]
        assert await asyncio.gather(*[store.aget(f"k{n}") for n in range(200)]) == [
            b"%d" % n for n in range(200)
        ]
        assert store._server.of_threads.info("stats")["total_connections_received"] == received
        await store.aclose()

    asyncio.run(main())


def test_a_failure_reaches_all_who_wait_and_nobody_after_them(store: RedisStore) -> None:
    async def main() -> None:
        await store.aput("k", b"v", 60)
        with redis.Redis.from_url(store._server._url) as admin:
            sleeping = threading.Thread(target=lambda: admin.execute_command("CLIENT PAUSE", 300))
            sleeping.start()
            sleeping.join()
        here = store._server.of_loops[asyncio.get_running_loop()]
        assert here.connection is not None
        here.connection._timeout = 0.05
        answers = await asyncio.gather(*[store.aget("k") for _ in range(5)], return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 5
        assert len({id(answer) for answer in answers}) == 5, "an error of his own for everybody"
        here.connection._timeout = 5
        assert await store.aget("k") == b"v"
        await store.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("steps", range(8))
def test_whoever_ends_all_tasks_of_a_loop_leaves_nobody_waiting(store: RedisStore, steps: int) -> None:
    async def main() -> None:
        await store.aput("k", b"v", 60)
        asking = [asyncio.create_task(store.aget("k"))]
        for step in range(steps):
            await asyncio.sleep(0)
            if step == 3:
                asking.append(asyncio.create_task(store.aget("k")))
        for task in asyncio.all_tasks() - {*asking, asyncio.current_task()}:
            task.cancel()
        for found in await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 5):
            assert found == b"v" or isinstance(found, StoreUnavailable)
        assert await asyncio.wait_for(store.aget("k"), 5) == b"v"
        await store.aclose()

    asyncio.run(main())


def test_several_loops_have_connections_of_their_own(store: RedisStore) -> None:
    async def main(number: int) -> bool:
        won = await store.aadd("k", b"%d" % number, 60)
        assert await store.aget("k") is not None
        await store.aclose()
        return won

    assert [asyncio.run(main(number)) for number in range(3)] == [True, False, False]
    assert len(store._server.of_loops) == 0


def test_the_clients_of_loops_that_ended_untidily_are_let_go(store: RedisStore) -> None:
    async def untidy() -> None:
        await store.aput("k", b"v", 60)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the loops end with open connections on purpose
        for _ in range(4):
            asyncio.run(untidy())
        assert len(store._server.of_loops) == 1
        store._server.of_loops.clear()
        gc.collect()


def test_a_forked_child_opens_its_own_connections(store: RedisStore) -> None:
    store.put("k", b"v", 60)
    assert in_child(lambda: store.get("k") == b"v" and store.add("child", b"1", 60))
    assert store.get("child") == b"1"


@pytest.mark.parametrize("url", ["http://a.example", "redis://:pass@host:port", "nonsense://secret"])
def test_a_url_that_cannot_be_used_is_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        RedisStore(url)
    assert url not in str(refused.value)
    assert "pass@" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_runs_on_a_cluster(tmp_path: Path) -> None:
    with valkey_server(tmp_path, "--cluster-enabled", "yes", "--cluster-port", str(free_port())) as url:
        with redis.Redis.from_url(url) as admin:
            admin.execute_command("CLUSTER ADDSLOTSRANGE 0 16383")
            for _ in range(500):
                if admin.execute_command("CLUSTER INFO")["cluster_state"] == "ok":
                    break
                threading.Event().wait(0.02)
            else:
                pytest.fail("the cluster does not serve")
        store = store_from_url(url.removesuffix("/0").replace("redis:", "redis+cluster:"))
        assert isinstance(store, RedisStore)
        store.check()
        assert store.add("a", b"1", 60)
        assert store.swap("a", b"1", b"2", 60)
        assert store.take("a") == b"2"
        assert store.together([Operation("add", "c", b"1", 60), Operation("get", "a")]) == [True, None]
        assert store.together([Operation("add", "c", b"1", 60), Operation("put", "d", b"1", 60)]) == [False]
        assert store.get("d") is None
        store.close()

        async def main() -> None:
            assert await store.aadd("b", b"1", 60)
            assert await store.aswap("b", b"1", b"2", 60)
            assert await store.atake("b") == b"2"
            await store.aclose()

        asyncio.run(main())
