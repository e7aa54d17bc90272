"""Several operations at once: the same results in every store, also in one that knows only the five operations."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fapikit.errors import StoreForgot, StoreFull
from fapikit.stores import MemoryStore, RedisStore, SqliteStore
from fapikit.stores.together import MAX_TOGETHER, Operation, atogether, together
from tests.clocks import FrozenClock
from tests.fapikit.stores.subject import Subject

both_faces = pytest.mark.parametrize("face", ["sync", "async"])


def go(subject: Subject, face: str, *operations: tuple[Any, ...]) -> list[Any]:
    made = [Operation(*operation) for operation in operations]
    if face == "sync":
        return together(subject.store, made)

    async def run() -> list[Any]:
        try:
            return await atogether(subject.store, made)
        finally:
            if hasattr(subject.store, "aclose"):
                await subject.store.aclose()

    return asyncio.run(run())


@both_faces
def test_each_operation_sees_what_those_before_it_did(subject: Subject, face: str) -> None:
    assert go(
        subject,
        face,
        ("get", "k"),
        ("put", "k", b"one", 60),
        ("swap", "k", b"one", b"two", 60),
        ("get", "k"),
        ("take", "k"),
        ("get", "k"),
        ("take", "k"),
        ("add", "k", b"three", 60),
        ("swap", "new", None, b"four", 60),
    ) == [None, None, True, b"two", b"two", None, None, True, True]
    assert go(subject, face, ("get", "k"), ("get", "nothing"), ("get", "new")) == [b"three", None, b"four"]


LOST = {
    "an add": ("add", "there", b"mine", 60),
    "a swap from nothing": ("swap", "there", None, b"mine", 60),
    "a swap": ("swap", "there", b"other", b"mine", 60),
    "a swap of nothing": ("swap", "absent", b"other", b"mine", 60),
}


@both_faces
@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_what_comes_after_a_lost_operation_is_not_done(
    subject: Subject, face: str, lost: tuple[Any, ...]
) -> None:
    subject.store.put("there", b"theirs", 60)
    subject.store.put("prize", b"p", 60)
    results = go(
        subject,
        face,
        ("add", "before", b"b", 60),
        lost,
        ("put", "after", b"a", 60),
        ("add", "after", b"a", 60),
        ("take", "prize"),
    )
    assert results == [True, False]
    assert go(subject, face, ("get", "before"), ("get", "there"), ("get", "after"), ("get", "prize")) == [
        b"b",
        b"theirs",
        None,
        b"p",
    ]


@both_faces
def test_each_entry_has_its_own_lifetime(subject: Subject, face: str) -> None:
    go(
        subject,
        face,
        ("put", "put", b"v", subject.short),
        ("add", "add", b"v", 600),
        ("add", "short", b"v", subject.short),
        ("swap", "add", b"v", b"w", 600),
    )
    subject.pass_time()
    assert go(subject, face, ("get", "put"), ("get", "short"), ("get", "add")) == [None, None, b"w"]
    assert go(subject, face, ("swap", "put", b"v", b"w", 60), ("get", "add")) == [False]


@both_faces
@pytest.mark.parametrize(
    "broken",
    [
        ("get", ""),
        ("take", "k" * 513),
        ("put", "k", b"v", 0),
        ("add", "k", b"v", -1),
        ("swap", "k", b"v", b"w", 0),
    ],
)
def test_refuses_an_impossible_operation(subject: Subject, face: str, broken: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError):
        go(subject, face, ("get", "k"), broken)


@pytest.mark.parametrize("subject", ["sqlite", "redis", "sealed sqlite", "sealed redis"], indirect=True)
def test_nothing_is_done_if_one_of_them_is_impossible(subject: Subject) -> None:
    with pytest.raises(ValueError):
        go(subject, "sync", ("put", "first", b"v", 60), ("put", "", b"v", 60))
    assert subject.store.get("first") is None
    with pytest.raises(ValueError):
        go(subject, "sync", *[("put", f"k{number}", b"v", 60) for number in range(MAX_TOGETHER + 1)])
    assert subject.store.get("k0") is None


def test_of_many_sequences_at_once_one_gets_past_the_mark(subject: Subject) -> None:
    async def compete() -> list[list[Any]]:
        sequence = [Operation("add", "mark", b"1", 60), Operation("put", "guarded", b"v", 60)]
        try:
            return list(await asyncio.gather(*[atogether(subject.store, sequence) for _ in range(20)]))
        finally:
            if hasattr(subject.store, "aclose"):
                await subject.store.aclose()

    assert sorted(asyncio.run(compete())) == [[False]] * 19 + [[True, None]]


def test_a_full_sqlite_store_does_all_or_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db", max_octets=200_000)
    with pytest.raises(StoreFull):
        store.together([Operation("add", "mark", b"1", 60), Operation("put", "big", b"x" * 400_000, 60)])
    assert store.get("mark") is None
    store.close()


def test_a_mark_among_several_is_refused_after_a_loss(valkey_url: str, tmp_path: Path) -> None:
    redis, path = RedisStore(valkey_url), tmp_path / "s.db"
    redis._server.of_threads.flushall()
    sqlite = SqliteStore(path)
    for store, lose in ((redis, redis._server.of_threads.flushall), (sqlite, path.unlink)):
        store.put("k", b"v", 60)
        lose()
        with pytest.raises(StoreForgot):
            store.together([Operation("get", "k"), Operation("put", "other", b"v", 60)])
        for mark in (Operation("add", "m", b"1", 60), Operation("swap", "m", None, b"1", 60)):
            with pytest.raises(StoreForgot):
                store.together([Operation("put", "before", b"v", 60), mark])
        assert store.together([Operation("get", "before"), Operation("get", "k")]) == [None, None]
        store.close()


def test_one_trip_to_redis_and_one_transaction_of_sqlite(
    valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence = [Operation("add", "m", b"1", 60), Operation("get", "k"), Operation("put", "p", b"v", 60)]
    redis, sqlite = RedisStore(valkey_url), SqliteStore(tmp_path / "s.db", clock=FrozenClock())
    redis._server.of_threads.flushall()
    assert redis.get("k") is None
    sent, send = [], redis._server.send
    monkeypatch.setattr(redis._server, "send", lambda command: (sent.append(command), send(command))[1])
    assert redis.together(sequence) == [True, None, None]
    assert len(sent) == 1

    sqlite.put("other", b"v", 60)
    begun: list[str] = []
    connection = sqlite._database._connection
    assert connection is not None
    connection.set_trace_callback(begun.append)
    assert sqlite.together(sequence) == [True, None, None]
    assert [text for text in begun if text.startswith(("BEGIN", "COMMIT"))] == ["BEGIN IMMEDIATE", "COMMIT"]
    redis.close()
    sqlite.close()


def test_an_operation_shows_no_key_and_no_value() -> None:
    assert repr([Operation("put", "the key", b"the value", 60)]) == "[Operation(put)]"


def test_a_store_with_the_five_operations_alone_takes_one_after_another() -> None:
    store = MemoryStore()
    assert not hasattr(store, "together")
    assert together(store, [Operation("add", "k", b"v", 60), Operation("get", "k")]) == [True, b"v"]
