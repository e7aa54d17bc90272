"""Kill -9 in the middle of 200 concurrent flows on SQLite; and two processes serving one issuer from one Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from askit import AuthorizationServer, Config
from tests.askit.bank import FINTECH, Bank, settings
from tests.askit.plain_client import PlainClient, read_callback
from tests.askit.processes import Process, free_port, prepare, serving
from tests.askit.registering import OPEN, OPENER

pytestmark = pytest.mark.anyio

FLOWS = 200
KILL_AFTER = 70


@dataclass
class Witness:
    """What clients were told before the server died."""

    codes: list[str] = field(default_factory=list)
    tokens: list[dict[str, str]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)


async def test_kill_9_in_the_middle_of_200_concurrent_flows_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    issuer = prepare(tmp_path, store="sqlite:///bank.db", port=port)
    witness = Witness()
    with serving(tmp_path, issuer, port) as process:
        assert process.ready == {"issuer": issuer, "pid": process.process.pid}
        async with process.http() as http:
            flows = [
                asyncio.create_task(_flow(process.client(http), number, witness)) for number in range(FLOWS)
            ]
            await asyncio.wait_for(witness.enough.wait(), 60)
            process.kill()
            ended = await asyncio.gather(*flows, return_exceptions=True)
    broken = [outcome for outcome in ended if isinstance(outcome, Exception)]
    assert broken, "the server died after all flows had ended: nothing was proven"
    assert all(isinstance(outcome, httpx.TransportError) for outcome in broken), broken[:3]
    assert len(witness.tokens) >= KILL_AFTER
    assert witness.revoked

    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            await _check(process, http, witness)


async def _flow(client: PlainClient, number: int, witness: Witness) -> None:
    """Push, authorize, redeem; every fifth revokes its access token."""
    scope = "openid payments" if number % 2 else "openid accounts"
    callback = read_callback(await client.authorize(await client.pushed(scope=scope)))
    response = await client.redeem(callback["code"])
    assert response.status_code == 200, response.text
    body = response.json()
    witness.codes.append(callback["code"])
    if number % 5 == 0:
        form = {"token": body["access_token"], **client.authentication()}
        if (await client.post("/revoke", form)).status_code == 200:
            witness.revoked.append(body["access_token"])
            return
    witness.tokens.append(body)
    if len(witness.tokens) >= KILL_AFTER and witness.revoked:
        witness.enough.set()


async def _check(process: Process, http: httpx.AsyncClient, witness: Witness) -> None:
    apis = {
        "accounts": process.client(http, "accounts-api", 3),
        "payments": process.client(http, "payments-api", 4),
    }
    for body in witness.tokens:
        api = apis["payments" if "payments" in body["scope"] else "accounts"]
        seen = (await api.introspect(body["access_token"])).json()
        assert seen["active"] is True, "a token that was handed out is gone"
    for token in witness.revoked:
        for api in apis.values():
            assert (await api.introspect(token)).json() == {"active": False}
    client = process.client(http)
    refreshed = await client.refresh(witness.tokens[0]["refresh_token"])
    assert refreshed.status_code == 200
    for code in witness.codes:
        again = await client.redeem(code)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


# Two processes, one Redis.


@pytest.fixture
def pair(tmp_path: Path, valkey_url: str) -> Iterator[tuple[Process, Process]]:
    issuer = f"https://bank-{free_port()}.example.test"
    with ExitStack() as stack:
        processes = []
        for name in ("one.toml", "two.toml"):
            port = free_port()
            prepare(tmp_path, store=valkey_url, port=port, issuer=issuer, name=name)
            processes.append(stack.enter_context(serving(tmp_path, issuer, port, name)))
        yield processes[0], processes[1]


async def test_two_processes_on_one_redis_are_one_server(pair: tuple[Process, Process]) -> None:
    async with pair[0].http() as first, pair[1].http() as second:
        keys = [(await http.get("/jwks")).json() for http in (first, second)]
        assert keys[0] == keys[1]
        one, two = pair[0].client(first), pair[1].client(second)
        callback = read_callback(await two.authorize(await one.pushed()))
        tokens = (await one.redeem(callback["code"])).json()
        two.nonce = one.nonce  # a nonce of one is good at the other
        proof = two.proof("GET", f"{two.issuer}/userinfo", token=tokens["access_token"])
        answer = await two.userinfo(tokens["access_token"], proof=proof)
        assert answer.json() == {"sub": "alice"}
        replayed = await one.userinfo(tokens["access_token"], proof=proof)
        assert replayed.status_code == 401


async def test_a_code_redeemed_at_both_at_once_gives_one_token_set(pair: tuple[Process, Process]) -> None:
    async with pair[0].http() as first, pair[1].http() as second:
        one, two = pair[0].client(first), pair[1].client(second)
        api = pair[0].client(first, "accounts-api", 3)
        for _ in range(15):
            callback = read_callback(await one.authorize(await one.pushed()))
            two.nonce = one.nonce
            answers = await asyncio.gather(one.redeem(callback["code"]), two.redeem(callback["code"]))
            good = [answer for answer in answers if answer.status_code == 200]
            bad = [answer for answer in answers if answer.status_code != 200]
            assert len(good) == 1
            assert bad[0].json()["error"] == "invalid_grant"
            # Used twice, so what it gave is revoked.
            assert (await api.introspect(good[0].json()["access_token"])).json() == {"active": False}


async def test_of_two_decisions_at_both_at_once_one_counts(pair: tuple[Process, Process]) -> None:
    async with pair[0].http() as first, pair[1].http() as second:
        one, two = pair[0].client(first), pair[1].client(second)
        for _ in range(10):
            request_uri = await one.pushed()
            answers = await asyncio.gather(one.authorize(request_uri), two.authorize(request_uri))
            assert sorted(answer.status_code for answer in answers) == [303, 400]


async def test_a_restart_on_sqlite_keeps_clients_sessions_and_requests(tmp_path: Path) -> None:
    """Everything that is not a token: a client that registered itself, a signed-in browser, a request at its page."""
    config = Config.from_mapping(settings(store="sqlite:///bank.db", **OPEN), base=tmp_path)
    before, after = AuthorizationServer(config), AuthorizationServer(config)
    asked = {name: value for name, value in FINTECH.items() if name != "client_id"}
    async with _browser(before) as http, _browser(after) as restarted:
        headers = {"authorization": f"Bearer {OPENER}"}
        registered = (await http.post("/register", json=asked, headers=headers)).json()
        client = PlainClient(http=http, clock=time.time, client_id=registered["client_id"])
        login = await client.authorize(await client.pushed())
        consent = await client.submit(login, username="alice", password="wonderland")
        restarted.cookies = http.cookies
        client.http = restarted
        code = read_callback(await client.submit(consent, decision="approve"))["code"]
        assert (await client.redeem(code)).status_code == 200
    for server in (before, after):
        await server.core.records.store.aclose()  # type: ignore[attr-defined]


def _browser(server: AuthorizationServer) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=server), base_url=server.config.issuer, timeout=30
    )


async def test_a_code_redeemed_twice_at_once_in_one_process_gives_one_token_set() -> None:
    bank = Bank(auto_approve="alice")
    client = bank.client()
    for _ in range(20):
        code = read_callback(await client.authorize(await client.pushed()))["code"]
        answers = await asyncio.gather(*(client.redeem(code) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400]
