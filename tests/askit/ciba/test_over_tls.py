"""CIBA over real sockets: a ping that arrives, and a server that is killed before it has been heard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.askit.bank import OTHER
from tests.askit.ciba.asking import APIS, PING, TOKEN, Asking, a_bank, asking
from tests.askit.ciba.test_grant import decide
from tests.askit.hosting import CA, TLS, Hosting, hosting
from tests.askit.processes import Process, free_port, prepare, serving

pytestmark = pytest.mark.anyio

ENDPOINT = "backchannel_client_notification_endpoint"


@pytest.fixture
async def web() -> AsyncIterator[Hosting]:
    async with hosting(path="/notified") as running:
        running.status = 204
        yield running


async def test_a_ping_goes_over_tls_to_the_registered_endpoint(web: Hosting) -> None:
    bank = a_bank({**PING, ENDPOINT: web.uri}, http=TLS)
    fintech = asking(bank)
    auth_req_id = await fintech.started(client_notification_token=TOKEN)
    await decide(bank, auth_req_id)
    await web.heard()
    assert web.seen == ["/notified"]
    assert (await fintech.poll(auth_req_id)).status_code == 200


async def started(server: Process) -> str:
    async with server.http() as http:
        asked = Asking(server.client(http))
        return await asked.started(client_notification_token=TOKEN, binding_message="Till 4")


@pytest.mark.spec("CIBA 10.2a")
async def test_kill_nine_between_the_decision_and_the_ping_loses_nothing(
    web: Hosting, tmp_path: Path
) -> None:
    web.may = asyncio.Event()  # it takes the call, and does not answer
    port = free_port()
    issuer = prepare(tmp_path, store="sqlite:///bank.db", port=port)
    clients: list[dict[str, Any]] = [{**PING, ENDPOINT: web.uri}, OTHER, *APIS]
    (tmp_path / "clients.json").write_text(json.dumps(clients))
    (tmp_path / "hosts.pem").write_bytes(CA.cert_pem.bytes())
    settings = tmp_path / "bank.toml"
    settings.write_text(settings.read_text() + '\n[http]\nca = "hosts.pem"\n')
    with serving(tmp_path, issuer, port) as server:
        auth_req_id = await started(server)
        await web.heard()
        server.kill()
    with serving(tmp_path, issuer, port) as again:
        async with again.http() as http:
            response = await Asking(again.client(http)).poll(auth_req_id)
    assert response.status_code == 200, response.text
    web.may.set()
