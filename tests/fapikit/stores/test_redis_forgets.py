"""A Redis server that was emptied, replaced or set back: noticed by the next operation, and waited out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from fapikit.dpop.check import MARK_LIFETIME, MAX_AHEAD
from fapikit.errors import StoreForgot, StoreUnavailable
from fapikit.stores import RedisStore
from fapikit.stores.identity import NEVER, REPLAY_WINDOW
from tests.clocks import FrozenClock
from tests.servers import free_port, valkey_server

APPENDING = ("--appendonly", "yes", "--appendfsync", "always")


class Server:
    """A real server that can be killed and started again at its address."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._directory, self._arguments = directory, arguments
        self._port, self._running = free_port(), ExitStack()
        self.start()

    def start(self, *more: str, directory: Path | None = None) -> None:
        self.url = self._running.enter_context(
            valkey_server(directory or self._directory, *self._arguments, *more, port=self._port)
        )
        self.admin = redis.Redis.from_url(self.url)
        while True:
            try:
                self.admin.ping()
                return
            except redis.exceptions.BusyLoadingError:
                time.sleep(0.01)

    def kill(self) -> None:
        self.admin.close()
        self._running.close()
        self._running = ExitStack()

    def restart(self, *more: str, directory: Path | None = None) -> None:
        self.kill()
        self.start(*more, directory=directory)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


def a_store(server: Server, clock: FrozenClock, **more: Any) -> RedisStore:
    return RedisStore(server.url, clock=clock, **more)


def flush(server: Server) -> None:
    server.admin.flushall()


def restart_empty(server: Server) -> None:
    server.restart()


def swap_databases(server: Server) -> None:
    server.admin.execute_command("SWAPDB", 0, 5)


def replace_with_another_in_use(server: Server) -> None:
    """A database that another deployment has used, behind the same name."""
    flush(server)
    other = RedisStore(server.url)
    for number in range(20):
        other.put(f"k{number}", b"v", 60)
    other.close()


LOSSES = [flush, restart_empty, swap_databases, replace_with_another_in_use]


def ask(store: RedisStore, face: str, operation: str, *arguments: Any) -> Any:
    if face == "sync":
        return getattr(store, operation)(*arguments)

    async def run() -> Any:
        try:
            return await getattr(store, f"a{operation}")(*arguments)
        finally:
            await store.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("lose", LOSSES)
def test_a_mark_that_was_lost_is_not_taken_for_the_first_again(
    lose: Callable[[Server], None], face: str, server: Server, clock: FrozenClock
) -> None:
    store = a_store(server, clock)
    assert ask(store, face, "add", "mark", b"1", 95)
    lose(server)
    for left in (REPLAY_WINDOW, REPLAY_WINDOW - 1):
        with pytest.raises(StoreForgot) as refused:
            ask(store, face, "add", "mark", b"1", 95)
        assert refused.value.retry_after == left
        clock.advance(1)
    with pytest.raises(StoreForgot):
        ask(store, face, "swap", "other", None, b"1", 95)
    assert store.forgot_at == clock() - 2
    # What is no mark goes on: what was kept is gone, and that harms nobody.
    assert ask(store, face, "get", "mark") is None
    ask(store, face, "put", "k", b"v", 60)
    assert ask(store, face, "swap", "k", b"v", b"w", 60)
    assert ask(store, face, "take", "k") == b"w"
    clock.advance(REPLAY_WINDOW - 2)
    assert ask(store, face, "add", "mark", b"1", 95), "and then it is over"
    store.close()


@pytest.mark.parametrize("operation", ["get", "take", "put", "swap"])
def test_whatever_is_asked_first_tells_of_it_and_does_nothing(
    operation: str, server: Server, clock: FrozenClock
) -> None:
    store = a_store(server, clock)
    store.put("k", b"v", 60)
    flush(server)
    more = {"put": (b"w", 60), "swap": (b"v", b"w", 60)}.get(operation, ())
    with pytest.raises(StoreForgot):
        getattr(store, operation)("k", *more)
    assert server.admin.keys() == [b"fapikit:"]
    store.close()


def test_a_server_that_went_back_to_a_snapshot_has_counted_fewer_writes(
    server: Server, clock: FrozenClock
) -> None:
    store = a_store(server, clock)
    store.add("before", b"1", 95)
    server.admin.save()
    store.add("after", b"1", 95)
    server.restart("--dbfilename", "dump.rdb")
    assert server.admin.exists("fapikit:before"), "this is the same database"
    with pytest.raises(StoreForgot):
        store.add("after", b"1", 95)
    store.close()


def test_a_server_that_kept_everything_is_trusted_after_a_crash(tmp_path: Path, clock: FrozenClock) -> None:
    server = Server(tmp_path, *APPENDING)
    store = a_store(server, clock)
    assert store.check().durable
    store.add("mark", b"1", 95)
    server.restart()
    assert store.add("mark", b"1", 95) is False
    assert store.add("other", b"1", 95) is True
    store.close()
    server.kill()


def test_all_processes_wait_as_long_and_only_the_first_writes_it_down(
    server: Server, clock: FrozenClock
) -> None:
    stores = [a_store(server, clock) for _ in range(3)]
    for number, store in enumerate(stores):
        store.add(f"mark {number}", b"1", 95)
    flush(server)
    names = set()
    for store in stores:
        with pytest.raises(StoreForgot):
            store.get("k")
        names.add(server.admin.hget("fapikit:", "name"))
        clock.advance(10)
    assert len(names) == 1
    clock.advance(REPLAY_WINDOW - 31)
    for store in stores:
        with pytest.raises(StoreForgot):
            store.add("mark 0", b"1", 95)
    late = a_store(server, clock)  # a process that begins meanwhile reads it too
    with pytest.raises(StoreForgot) as refused:
        late.add("mark 0", b"1", 95)
    assert refused.value.retry_after == 1
    clock.advance(1)
    assert [store.add("mark 0", b"1", 95) for store in (late, *stores)] == [True, False, False, False]
    for store in (late, *stores):
        store.close()


def test_who_opened_the_emptied_store_first_and_took_it_for_new_hears_of_it(
    server: Server, clock: FrozenClock
) -> None:
    old = a_store(server, clock)
    old.add("mark", b"1", 95)
    flush(server)
    clock.advance(1)
    new = a_store(server, clock)
    new.put("k", b"v", 60)
    clock.advance(1)
    with pytest.raises(StoreForgot):
        old.add("mark", b"1", 95)
    with pytest.raises(StoreForgot):
        new.add("mark", b"1", 95)
    assert new.forgot_at == old.forgot_at == clock()
    old.close()
    new.close()


def test_a_loss_that_was_told_before_this_process_wrote_its_last_does_not_count_for_it(
    tmp_path: Path, clock: FrozenClock
) -> None:
    """Another database behind the name has a loss of its own in its record: it is older than what is lost now."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    server = Server(tmp_path / "b", *APPENDING)
    other = a_store(server, clock)
    other.put("k", b"v", 60)
    flush(server)
    with pytest.raises(StoreForgot):
        other.get("k")
    other.close()
    clock.advance(1000)
    server.restart(directory=tmp_path / "a")
    store = a_store(server, clock)
    store.add("mark", b"1", 95)
    server.restart(directory=tmp_path / "b")
    assert float(server.admin.hget("fapikit:", "forgot_at") or 0) == clock() - 1000
    with pytest.raises(StoreForgot) as refused:
        store.add("mark", b"1", 95)
    assert refused.value.retry_after == REPLAY_WINDOW
    assert float(server.admin.hget("fapikit:", "forgot_at") or 0) == clock()
    store.close()
    server.kill()


def test_a_cluster_that_lost_some_slots_refuses_the_marks_of_those(
    tmp_path: Path, clock: FrozenClock
) -> None:
    server = Server(tmp_path, "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    server.admin.execute_command("CLUSTER ADDSLOTSRANGE 0 16383")
    while server.admin.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
        time.sleep(0.02)
    store = a_store(server, clock, cluster=True)
    for number in range(200):
        assert store.add(f"mark {number}", b"1", 95)
    records = [key for key in server.admin.keys("*") if key.endswith(b"}")]
    assert len(records) > 32, "they lie in many slots"
    lost = server.admin.keys(records[0] + b"*")
    server.admin.delete(*lost)
    with pytest.raises(StoreForgot):
        store.add(lost[0].split(b"}")[1].decode() or lost[1].split(b"}")[1].decode(), b"1", 95)
    outcomes = []
    for number in range(200):
        try:
            outcomes.append(store.add(f"mark {number}", b"1", 95))
        except StoreForgot:
            outcomes.append(None)
    assert True not in outcomes
    assert outcomes.count(None) == len(lost) - 1
    assert store.forgot_at == clock()
    store.close()
    server.kill()


def test_a_server_that_is_down_is_an_outage_and_no_loss(server: Server, clock: FrozenClock) -> None:
    store = a_store(server, clock, timeout=0.3)
    store.add("mark", b"1", 95)
    server.kill()
    with pytest.raises(StoreUnavailable):
        store.add("mark", b"1", 95)
    assert store.forgot_at == NEVER
    server.start()
    with pytest.raises(StoreForgot):
        store.add("mark", b"1", 95)
    store.close()


def test_what_is_waited_out_is_longer_than_a_proof_can_be_used_again() -> None:
    assert REPLAY_WINDOW >= MARK_LIFETIME + MAX_AHEAD
