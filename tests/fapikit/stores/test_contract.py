"""What every store promises, against all of them, with a real server behind the Redis one."""

from __future__ import annotations

import asyncio
import multiprocessing
from typing import Any

import pytest

from fapikit.flow import store_check
from fapikit.io import AsyncDriver, SyncDriver
from fapikit.stores import SealedStore, Store, store_from_url
from fapikit.stores.protocol import MAX_KEY_CHARACTERS, MAX_SEAL_OCTETS, MAX_VALUE_OCTETS
from tests.fapikit.stores.contender import ROUNDS, sealed, wins_of
from tests.fapikit.stores.subject import Subject
from tests.forks import in_children

MIB = b"\xff" * MAX_VALUE_OCTETS

both_faces = pytest.mark.parametrize("face", ["sync", "async"])


def test_is_a_store(subject: Subject) -> None:
    assert isinstance(subject.store, Store)


@both_faces
def test_get_of_nothing_is_none(subject: Subject, face: str) -> None:
    assert subject.call(face, "get", "k") is None


@both_faces
def test_put_overwrites_and_get_leaves_the_value(subject: Subject, face: str) -> None:
    subject.call(face, "put", "k", b"one", 60)
    subject.call(face, "put", "k", b"two", 60)
    assert subject.call(face, "get", "k") == b"two"
    assert subject.call(face, "get", "k") == b"two"
    assert subject.call(face, "get", "K") is None


@both_faces
def test_take_yields_the_value_once(subject: Subject, face: str) -> None:
    subject.call(face, "put", "k", b"v", 60)
    assert subject.call(face, "take", "k") == b"v"
    assert subject.call(face, "take", "k") is None
    assert subject.call(face, "get", "k") is None


@both_faces
def test_add_wins_once_and_keeps_the_first_value(subject: Subject, face: str) -> None:
    assert subject.call(face, "add", "k", b"one", 60) is True
    assert subject.call(face, "add", "k", b"two", 60) is False
    assert subject.call(face, "get", "k") == b"one"


@both_faces
def test_add_wins_again_after_take(subject: Subject, face: str) -> None:
    assert subject.call(face, "add", "k", b"one", 60)
    assert subject.call(face, "take", "k") == b"one"
    assert subject.call(face, "add", "k", b"two", 60)


@both_faces
def test_swap_writes_only_over_what_was_expected(subject: Subject, face: str) -> None:
    assert subject.call(face, "swap", "k", b"absent", b"new", 60) is False
    assert subject.call(face, "swap", "k", None, b"one", 60) is True
    assert subject.call(face, "swap", "k", None, b"two", 60) is False
    assert subject.call(face, "swap", "k", b"two", b"three", 60) is False
    assert subject.call(face, "swap", "k", b"one", b"three", 60) is True
    assert subject.call(face, "get", "k") == b"three"


@both_faces
def test_an_expired_entry_is_absent_to_every_operation(subject: Subject, face: str) -> None:
    for key in ("get", "take", "add", "swap", "create"):
        subject.call(face, "put", key, b"old", subject.short)
    subject.pass_time()
    assert subject.call(face, "get", "get") is None
    assert subject.call(face, "take", "take") is None
    assert subject.call(face, "add", "add", b"new", 60) is True
    assert subject.call(face, "swap", "swap", b"old", b"new", 60) is False
    assert subject.call(face, "swap", "create", None, b"new", 60) is True


@both_faces
def test_each_write_sets_its_own_ttl(subject: Subject, face: str) -> None:
    for key in ("put", "swap"):
        subject.call(face, "put", key, b"old", subject.short)
    subject.call(face, "put", "put", b"new", 600)
    subject.call(face, "swap", "swap", b"old", b"new", 600)
    subject.pass_time()
    assert subject.call(face, "get", "put") == b"new"
    assert subject.call(face, "get", "swap") == b"new"


@both_faces
def test_a_lost_add_does_not_lengthen_the_life_of_the_first(subject: Subject, face: str) -> None:
    assert subject.call(face, "add", "k", b"one", subject.short)
    assert not subject.call(face, "add", "k", b"two", 600)
    subject.pass_time()
    assert subject.call(face, "get", "k") is None


@both_faces
def test_carries_a_mebibyte_and_every_octet(subject: Subject, face: str) -> None:
    subject.call(face, "put", "big", MIB, 60)
    assert subject.call(face, "swap", "big", MIB, bytes(range(256)), 60) is True
    assert subject.call(face, "take", "big") == bytes(range(256))
    subject.call(face, "put", "empty", b"", 60)
    assert subject.call(face, "swap", "empty", b"", b"x", 60) is True


@both_faces
@pytest.mark.parametrize("key", ["", "k" * (MAX_KEY_CHARACTERS + 1), "\ud800"])
def test_refuses_impossible_keys(subject: Subject, face: str, key: str) -> None:
    for operation, arguments in {
        "get": (),
        "take": (),
        "put": (b"v", 60),
        "add": (b"v", 60),
        "swap": (None, b"v", 60),
    }.items():
        with pytest.raises(ValueError):
            subject.call(face, operation, key, *arguments)


def test_takes_the_longest_key_and_any_letters(subject: Subject) -> None:
    for key in ("k" * MAX_KEY_CHARACTERS, "clé 🔑\x00%'\"", "a:b:c"):
        assert subject.store.add(key, key.encode(), 60)
        assert subject.store.get(key) == key.encode()


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf")])
def test_refuses_impossible_lives(subject: Subject, ttl: float) -> None:
    for operation, arguments in {"put": (b"v",), "add": (b"v",), "swap": (b"o", b"v")}.items():
        with pytest.raises(ValueError):
            getattr(subject.store, operation)("k", *arguments, ttl)


def test_takes_a_very_long_life(subject: Subject) -> None:
    subject.store.put("k", b"v", 1e12)
    assert subject.store.get("k") == b"v"


def test_refuses_values_that_are_too_large_or_no_bytes(subject: Subject) -> None:
    with pytest.raises(ValueError):
        subject.store.put("k", MIB + b"x" * (MAX_SEAL_OCTETS + 1), 60)
    with pytest.raises(TypeError):
        subject.store.add("k", "text", 60)


def test_of_64_concurrent_calls_one_wins(subject: Subject) -> None:
    for key, value in (("contended-take", b"prize"), ("contended-swap", b"old")):
        subject.store.put(key, value, 60)
    for round_ in ROUNDS:
        assert wins_of(subject.store, round_, 64) == 1, round_


@pytest.mark.parametrize("subject", ["sqlite", "redis", "sealed sqlite", "sealed redis"], indirect=True)
def test_of_64_concurrent_calls_from_four_processes_one_wins(subject: Subject) -> None:
    url, is_sealed = subject.url, isinstance(subject.store, SealedStore)
    assert url is not None
    inner: Any = store_from_url(url)
    for key, value in (("contended-take", b"prize"), ("contended-swap", b"old")):
        sealed(inner, is_sealed).put(key, value, 60)
    inner.close()
    together = multiprocessing.get_context("fork").Barrier(4)

    def compete() -> list[int]:
        store = sealed(store_from_url(url), is_sealed)
        together.wait(30)
        return [wins_of(store, round_, 16) for round_ in ROUNDS]

    counts = in_children(4, compete)
    assert [sum(column) for column in zip(*counts, strict=True)] == [1] * len(ROUNDS), counts


PROMISES = {"memory": (False, False), "sqlite": (True, True), "redis": (True, False)}
"""`shared`, `durable`; the Redis server of the tests writes nothing to a disk."""


@both_faces
def test_says_who_shares_it_and_whether_it_outlives_a_restart(
    subject: Subject, face: str, request: pytest.FixtureRequest
) -> None:
    promise = subject.call(face, "check")
    kind = request.node.callspec.params["subject"].rpartition(" ")[2]
    assert (promise.shared, promise.durable) == PROMISES[kind]


class Foreign:
    """A team's own store: the five operations and nothing else."""

    def swap(self, *_: Any) -> bool:
        return False


@both_faces
@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_store_that_does_not_say_what_it_can_keep_is_not_relied_on(face: str, is_sealed: bool) -> None:
    foreign: Any = Foreign()
    driver = SyncDriver() if face == "sync" else AsyncDriver()
    promise = driver.run(store_check(sealed(foreign, is_sealed)))
    if face == "async":
        promise = asyncio.run(promise)
    assert not promise.shared
    assert not promise.durable
    assert "has no check()" in promise.warnings[0]
