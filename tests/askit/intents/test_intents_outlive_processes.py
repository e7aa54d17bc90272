"""An intent and what became of it outlive kill -9 of the bank; two processes of a bank agree about it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.askit.intents.lodging import BODIES, Lodger
from tests.askit.plain_client import ACCOUNTS, read_callback
from tests.askit.processes import Process, free_port, prepare, serving

pytestmark = pytest.mark.anyio

AIS = "berlin-group-consent"
LODGED = f"""
[[authorization_details_types]]
type = "account_access"
resource = "{ACCOUNTS}"
[authorization_details_types.lodged]
shape = "{AIS}"
scope = "accounts"
"""


def prepared(directory: Path, store: str, port: int, name: str, issuer: str | None = None) -> str:
    issuer = prepare(directory, store=store, port=port, issuer=issuer, name=name)
    with (directory / name).open("a") as toml:
        toml.write(LODGED)
    return issuer


@asynccontextmanager
async def lodger_at(process: Process) -> AsyncIterator[Lodger]:
    async with process.http() as http:
        yield Lodger.of(process.client(http), process.client(http, "accounts-api", 3))


def body() -> dict[str, object]:
    until = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
    return {**BODIES[AIS], "validUntil": until.isoformat()}


async def tokens_of(lodger: Lodger, intent_id: str) -> dict[str, str]:
    asked = await lodger.plain.authorize(await lodger.request_uri(AIS, intent_id))
    return dict((await lodger.plain.redeem(read_callback(asked)["code"], resource=[ACCOUNTS])).json())


async def refusal(lodger: Lodger, intent_id: str) -> str:
    answer = await lodger.push(AIS, intent_id)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error_description"])


@pytest.mark.spec("LODGING 4", "LODGING 5")
@pytest.mark.parametrize("store", ["sqlite", "valkey"])
async def test_intents_outlive_kill_9(tmp_path: Path, request: pytest.FixtureRequest, store: str) -> None:
    url = "sqlite:///bank.db" if store == "sqlite" else request.getfixturevalue("valkey_url")
    port = free_port()
    issuer = prepared(tmp_path, url, port, "bank.toml")
    with serving(tmp_path, issuer, port) as process:
        async with lodger_at(process) as lodger:
            waiting, agreed, ended = [await lodger.lodged(AIS, body()) for _ in range(3)]
            tokens = await tokens_of(lodger, agreed)
            assert (await lodger.delete(AIS, ended)).status_code == 204
            process.kill()

    with serving(tmp_path, issuer, port) as process:
        async with lodger_at(process) as lodger:
            states = [await lodger.status(AIS, each) for each in (waiting, agreed, ended)]
            assert states == ["received", "valid", "terminatedByTpp"]
            assert "gives one grant" in await refusal(lodger, agreed)
            assert "was ended by its client" in await refusal(lodger, ended)
            assert (await tokens_of(lodger, waiting))["access_token"]
            refreshed = await lodger.plain.refresh(tokens["refresh_token"])
            assert refreshed.status_code == 200, refreshed.text
            assert (await lodger.delete(AIS, agreed)).status_code == 204
            process.kill()

    with serving(tmp_path, issuer, port) as process:
        async with lodger_at(process) as lodger:
            assert await lodger.status(AIS, agreed) == "terminatedByTpp"
            for token in (tokens["access_token"], refreshed.json()["access_token"]):
                assert await lodger.introspected(token) == {"active": False}
            assert (await lodger.plain.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.spec("LODGING 4")
async def test_two_processes_give_one_grant_for_one_intent(tmp_path: Path, valkey_url: str) -> None:
    issuer = f"https://bank-{free_port()}.example.test"
    ports = [free_port(), free_port()]
    for port in ports:
        prepared(tmp_path, valkey_url, port, f"{port}.toml", issuer)
    with (
        serving(tmp_path, issuer, ports[0], f"{ports[0]}.toml") as one,
        serving(tmp_path, issuer, ports[1], f"{ports[1]}.toml") as two,
    ):
        async with lodger_at(one) as here, lodger_at(two) as there:
            for _ in range(5):
                intent_id = await here.lodged(AIS, body())
                there.plain.nonce = here.plain.nonce
                uris = [await each.request_uri(AIS, intent_id) for each in (here, there)]
                answers = await asyncio.gather(
                    *(each.plain.authorize(uri) for each, uri in zip((here, there), uris, strict=True))
                )
                codes = [answer for answer in answers if "code=" in answer.headers.get("location", "")]
                assert len(codes) == 1, [answer.headers.get("location", answer.text) for answer in answers]
                assert await there.status(AIS, intent_id) == "valid"
