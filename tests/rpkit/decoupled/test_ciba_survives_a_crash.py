"""The process that waits is killed. Another one, which shares nothing with it but the store, ends the request."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fapikit import PrivateKey, PrivateKeyJWT
from fapikit.stores import store_from_url
from fapikit.stores.sealed import Seal
from rpkit import CibaRequest, Client
from rpkit.errors import RequestEnded
from tests.keys import a_key
from tests.mothers.bank_server import served
from tests.mothers.ciba_bank import CibaBank
from tests.mothers.fake_bank import CLIENT_ID

SEAL = Seal([b"s" * 32])
SPAWNING = multiprocessing.get_context("spawn")


@contextmanager
def connect(issuer: str, store: str, mode: str, jwk: dict[str, Any]) -> Iterator[Client]:
    with (
        closing(store_from_url(store)) as kept,
        Client.discover(
            issuer,
            client_id=CLIENT_ID,
            auth=PrivateKeyJWT(PrivateKey.from_jwk(jwk)),
            store=kept,
            backchannel_token_delivery_mode=mode,  # type: ignore[arg-type]
        ) as client,
    ):
        yield client


def ask_and_wait(arguments: tuple[Any, ...], kept: str) -> None:
    with connect(*arguments) as client:
        request = client.ciba(login_hint="alice", binding_message="WDJB-MJHT")
        Path(kept).write_text(request.seal(SEAL))
        client.wait(request)


def go_on(arguments: tuple[Any, ...], kept: str, results: Any) -> None:
    with connect(*arguments) as client:
        login = client.wait(CibaRequest.open(Path(kept).read_text(), SEAL))
        results.put((login.tokens.subject, login.tokens.access_tokens[0].value.reveal()))


@pytest.fixture(params=["sqlite", "valkey"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shared.db'}"
    return str(request.getfixturevalue("valkey_url"))


def until(holds: Any) -> None:
    give_up = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.mark.parametrize("mode", ["poll", "ping", "push"])
def test_a_request_survives_kill_nine(mode: str, store: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with served(CibaBank(clock=time.time, nonces=False)) as bank:  # type: ignore[arg-type]
        assert isinstance(bank, CibaBank)
        bank.faults["bc"] = lambda members: {**members, "interval": 1}
        bank.answers = ["authorization_pending"] * 1000
        arguments = (bank.issuer, store, mode, a_key("ES256", 1).to_private_jwk())
        waiting = SPAWNING.Process(target=ask_and_wait, args=(arguments, str(kept)))
        waiting.start()
        until(lambda: kept.exists() and kept.read_text())
        if mode == "poll":
            until(lambda: bank.calls("token"))
        waiting.kill()
        waiting.join(10)
        assert waiting.exitcode == -9
        bank.answers = []
        (auth_req_id,) = bank.asked
        with connect(*arguments) as worker:
            if mode != "poll":
                headers, body = getattr(bank, mode)(auth_req_id)
                worker.hear_notification(headers["authorization"], body)
            results = SPAWNING.Queue()
            another = SPAWNING.Process(target=go_on, args=(arguments, str(kept), results))
            another.start()
            subject, token = results.get(timeout=60)
            another.join(10)
            assert subject == "alice"
            assert token in bank.access_tokens
            with pytest.raises(RequestEnded):
                worker.wait(CibaRequest.open(kept.read_text(), SEAL))
        results.close()
        results.join_thread()
        given = [call for call in bank.calls("token") if call.status == 200]
        assert len(given) == (0 if mode == "push" else 1)
