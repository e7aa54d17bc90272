"""Several processes that share nothing but a store refresh a rotating token once."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

from fapikit import PrivateKey, PrivateKeyJWT
from fapikit.stores import SqliteStore
from fapikit.stores.sealed import Seal
from rpkit import Client, TokenStore
from tests.keys import a_key
from tests.mothers.bank_server import served
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank
from tests.rpkit.logins import signed_in

USER = "alice@app"
PROCESSES = 3


def connect(issuer: str, database: str, jwk: dict[str, Any]) -> Client:
    return Client.discover(
        issuer,
        client_id=CLIENT_ID,
        auth=PrivateKeyJWT(PrivateKey.from_jwk(jwk)),
        redirect_uri=REDIRECT_URI,
        token_store=TokenStore(SqliteStore(database), Seal([b"s" * 32])),
    )


def refresh_in_a_process(issuer: str, database: str, jwk: dict[str, Any], ready: Any, results: Any) -> None:
    with connect(issuer, database, jwk) as client:
        tokens = client.load_tokens(USER)
        assert tokens is not None
        ready.wait(120)
        results.put(client.refresh(tokens).access_token_for(None).reveal())


def test_processes_share_one_refresh(tmp_path: Path) -> None:
    database, jwk = str(tmp_path / "tokens.sqlite"), a_key("ES256", 1).to_private_jwk()
    spawning = multiprocessing.get_context("spawn")
    with (
        served(FakeBank(rotate=True, clock=time.time)) as bank,
        connect(bank.issuer, database, jwk) as client,
    ):
        client.save_tokens(USER, signed_in(client, bank).tokens)
        ready, results = spawning.Barrier(PROCESSES), spawning.Queue()
        arguments = (bank.issuer, database, jwk, ready, results)
        workers = [spawning.Process(target=refresh_in_a_process, args=arguments) for _ in range(PROCESSES)]
        for worker in workers:
            worker.start()
        tokens = {results.get(timeout=120) for _ in workers}
        for worker in workers:
            worker.join(10)
        results.close()
        results.join_thread()
    refreshes = [
        c for c in bank.calls("token") if c.form["grant_type"] == "refresh_token" and c.status == 200
    ]
    assert len(tokens) == 1
    assert len(refreshes) == 1
