"""A resource server whose store was emptied: no proof passes twice, and it says how long that takes, in both skins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fapikit.errors import StaleProof, StoreError, StoreForgot
from fapikit.stores import SqliteStore
from fapikit.stores.identity import REPLAY_WINDOW
from rskit import CannotDecide, Challenge, ResourceServer
from tests.clocks import NOW, FrozenClock
from tests.rskit.mothers import a_proof, a_server, a_view, allowed, bound_token, decide
from tests.rskit.skins import SKINS


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def store(tmp_path: Path, clock: FrozenClock) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "s.db", clock=clock)
    yield made
    made.close()


def a_view_with_proof(token: str, **proof: Any) -> Any:
    return a_view(f"DPoP {token}", dpop=(a_proof(token, **proof),))


@pytest.mark.spec("RFC 9449 11.1")
def test_a_proof_does_not_pass_again_after_the_store_was_emptied(
    tmp_path: Path, store: SqliteStore, clock: FrozenClock
) -> None:
    server = a_server(store=store, clock=clock)
    token = bound_token(exp=int(NOW) + 9000)
    view = a_view_with_proof(token, iat=int(NOW) + 30)  # made ahead, so that it lives longest
    allowed(server, view)
    (tmp_path / "s.db").unlink()
    for second in range(91):
        decision = decide(server, view)
        assert isinstance(decision, CannotDecide), second
        if second:
            assert dict(decision.headers)["retry-after"] == str(int(REPLAY_WINDOW) - second)
        assert not server.readiness().ready
        clock.advance(1)
    stale = decide(server, view)
    assert isinstance(stale, Challenge)
    assert isinstance(stale.error, StaleProof), "by now it is too old"
    clock.advance(REPLAY_WINDOW - 91)
    assert server.readiness().ready
    allowed(server, a_view_with_proof(token, iat=int(clock())))


@pytest.mark.parametrize("skin", SKINS.values(), ids=SKINS)
def test_the_client_hears_how_long_it_is_to_wait(
    skin: Callable[..., Any], tmp_path: Path, store: SqliteStore, clock: FrozenClock
) -> None:
    server = a_server(store=store, clock=clock)
    call, token = skin(server, {"/accounts": {}}), bound_token()

    def get() -> Any:
        return call("GET", "/accounts", [("authorization", f"DPoP {token}"), ("dpop", a_proof(token))])

    assert get().status == 200
    (tmp_path / "s.db").unlink()
    answers = [get(), get()]
    assert [answer.status for answer in answers] == [503, 503]
    assert answers[1].header("retry-after") == str(int(REPLAY_WINDOW))


def test_once_is_waited_out_for_as_long_as_it_was_to_hold(
    tmp_path: Path, store: SqliteStore, clock: FrozenClock
) -> None:
    server = a_server(store=store, clock=clock)

    def once(name: str, ttl: float) -> bool:
        return server.sync_driver.run(server.once(name, ttl))

    assert once("payment 7", 9000)
    (tmp_path / "s.db").unlink()
    with pytest.raises(StoreError):
        once("payment 7", 9000)
    for wait in (REPLAY_WINDOW, 8000):
        clock.advance(wait)
        with pytest.raises(StoreForgot):
            once("payment 7", 9000)
    assert once("a form", 60)
    clock.advance(1000)
    assert once("payment 7", 9000)


def test_a_start_says_that_the_store_cannot_be_relied_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "not there" / "s.db"
    server: ResourceServer = a_server(store=SqliteStore(file))
    caplog.clear()
    assert not server.readiness().ready
    assert not asyncio.run(server.areadiness()).ready
    assert "not ready" not in caplog.text, "a probe that comes each second fills no log"
    asyncio.run(server.async_driver.run(server.warm()))
    assert (
        f"https://api.example is not ready: store: the SQLite file {file} cannot be opened: No such"
        in caplog.text
    )
