"""Real stores, real processes: many reach for one consent at once, and some of them are killed."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fapikit import store_from_url
from tests.forks import in_children
from tests.rskit.consents.payer import File, a_worker, attempt
from tests.servers import valkey_server

PROCESSES, THREADS = 3, 4
LEASE_OVER = 121.0
_names = itertools.count()


@pytest.fixture(scope="module")
def durable_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey_server(tmp_path_factory.mktemp("valkey"), "--appendonly", "yes") as url:
        yield url


@pytest.fixture(params=["sqlite", "valkey"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/marks.db"
    return str(request.getfixturevalue("durable_valkey"))


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "books")


@pytest.fixture
def names() -> list[str]:
    """Consents that no other test has used: they share one server."""
    return [f"{os.getpid()}-{next(_names)}" for _ in range(2)]


def at_once(
    store_url: str, file: File, consents: list[str], key: Callable[[int], str], *, after: float = 0.0
) -> list[Any]:
    """What so many threads of so many processes are told, half of them through the async face."""

    def work() -> list[Any]:
        store = store_from_url(store_url)
        api, told = a_worker(store, file), []
        api.clock.advance(after)
        barrier = threading.Barrier(THREADS)

        def run(number: int) -> None:
            face = "sync" if number % 2 else "async"
            order = consents if number % 3 else consents[::-1]
            barrier.wait()
            told.append(attempt(api, file, *order, key=key(number), face=face))

        threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.close()  # type: ignore[attr-defined]
        return told

    return [outcome for told in in_children(PROCESSES, work) for outcome in told]


def own_key(number: int) -> str:
    """Another one for each thread of each process."""
    return f"{os.getpid()}-{number}"


def paid(told: list[Any]) -> list[str]:
    return [outcome["paid"] for outcome in told if isinstance(outcome, dict)]


@pytest.mark.spec("RFC 9396 9")
def test_of_many_requests_for_one_consent_one_is_paid(store_url: str, file: File, names: list[str]) -> None:
    told = at_once(store_url, file, names[:1], key=own_key)
    assert len(told) == PROCESSES * THREADS
    assert len(file.paid) == 1
    assert paid(told) == file.paid
    assert {outcome for outcome in told if isinstance(outcome, str)} <= {"ConsentUsed", "ConsentInUse"}


@pytest.mark.spec("Idempotency-Key 2.6")
def test_of_one_request_sent_many_times_one_is_paid(store_url: str, file: File, names: list[str]) -> None:
    told = at_once(store_url, file, names, key=lambda _: f"{names[0]}-1")
    assert len(file.paid) == 1
    assert set(paid(told)) == set(file.paid)
    assert {outcome for outcome in told if isinstance(outcome, str)} <= {"ConsentInUse"}


def test_of_many_requests_for_two_consents_two_are_paid(store_url: str, file: File, names: list[str]) -> None:
    told = at_once(store_url, file, names, key=own_key)
    assert len(file.paid) == len(set(file.paid)) == 2
    assert Counter(paid(told)) == Counter(file.paid)


def kill(store_url: str, file: File, name: str, when: str, tmp_path: Path) -> None:
    """`kill -9` while a payment is under way: before it is in the books, or after."""
    program = [
        sys.executable,
        "-m",
        "tests.rskit.consents.payer",
        store_url,
        str(tmp_path / "books"),
        name,
        when,
    ]
    root = Path(__file__).parents[3]
    with subprocess.Popen(program, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("same", [True, False], ids=["same key", "other key"])
def test_a_process_that_is_killed_leaves_no_payment_half_marked(
    store_url: str, file: File, names: list[str], when: str, same: bool, tmp_path: Path
) -> None:
    kill(store_url, file, names[0], when, tmp_path)
    store = store_from_url(store_url)
    api, key = a_worker(store, file), f"{names[0]}-{1 if same else 2}"
    assert attempt(api, file, names[0], key=key) == "ConsentInUse"
    api.clock.advance(LEASE_OVER)
    told = attempt(api, file, names[0], key=key)
    assert len(file.paid) == 1
    assert told == ("ConsentUsed" if when == "after" and not same else {"paid": file.paid[0]})
    assert attempt(api, file, names[0], key=f"{names[0]}-3") == "ConsentUsed"
    store.close()  # type: ignore[attr-defined]


def test_all_who_come_after_a_killed_process_pay_once_together(
    store_url: str, file: File, names: list[str], tmp_path: Path
) -> None:
    kill(store_url, file, names[0], "before", tmp_path)
    told = at_once(store_url, file, names[:1], key=own_key, after=LEASE_OVER)
    assert len(file.paid) == 1
    assert paid(told) == file.paid
