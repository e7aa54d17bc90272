"""A CIBA request outlives kill -9 of the server's process, on SQLite and on Redis: decided before it, or after it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.askit.bank import OTHER
from tests.askit.ciba.asking import APIS, POLL, Asking
from tests.askit.ciba.phone import Phone
from tests.askit.plain_client import PlainClient
from tests.askit.processes import Process, free_port, prepare, serving
from tests.keys import a_key

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    return "sqlite:///bank.db" if request.param == "sqlite" else str(request.getfixturevalue("valkey_url"))


def prepared(directory: Path, store: str, port: int) -> str:
    """A bank that asks its users."""
    issuer = prepare(directory, store=store, port=port)
    clients: list[dict[str, Any]] = [POLL, OTHER, *APIS]
    (directory / "clients.json").write_text(json.dumps(clients))
    settings = directory / "bank.toml"
    settings.write_text(settings.read_text().replace('auto_approve = "alice"\n', "polling_interval = 1\n"))
    return issuer


def phone(process: Process, http: httpx.AsyncClient) -> Phone:
    return Phone(PlainClient(http=http, clock=time.time, issuer=process.issuer))


async def told(process: Process, auth_req_id: str, **how: Any) -> str:
    async with process.http() as http:
        answer = await Asking(process.client(http)).poll(auth_req_id, **how)
    return "tokens" if answer.status_code == 200 else str(answer.json()["error"])


DECISIONS = {"W4SCT": "approve", "X7KQM": "deny"}
"""By binding message: one request is approved and one refused, in the same processes."""


async def test_a_request_outlives_the_process_at_each_step(tmp_path: Path, store: str) -> None:
    port = free_port()
    issuer = prepared(tmp_path, store, port)
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            shop = Asking(process.client(http))
            ids = {text: await shop.started(binding_message=text, proof=True) for text in DECISIONS}
        for auth_req_id in ids.values():
            assert await told(process, auth_req_id) == "authorization_pending"
        process.kill()
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            page = await phone(process, http).look()
            cookies = http.cookies
        process.kill()
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            http.cookies = cookies
            for text, decision in DECISIONS.items():
                last = await phone(process, http).press(page, text, decision)
                assert last.status_code == 200, last.text
        process.kill()
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            http.cookies = cookies
            page = await phone(process, http).look()
        assert not [text for text in DECISIONS if text in page.text]
        assert await told(process, ids["X7KQM"]) == "access_denied"
        assert await told(process, ids["W4SCT"], key=a_key("ES256", 12)) == "invalid_grant"
        assert await told(process, ids["W4SCT"]) == "tokens"
        process.kill()
    with serving(tmp_path, issuer, port) as process:
        assert await told(process, ids["W4SCT"]) == "invalid_grant"
        assert await told(process, ids["X7KQM"]) == "access_denied"
