"""A device waits while the server's process is killed (kill -9) and started again, and two processes share a store."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.askit.decoupled.television import TELEVISION, Television
from tests.askit.processes import Process, free_port, prepare, serving
from tests.keys import a_key

pytestmark = pytest.mark.anyio


def prepared(
    directory: Path, store: str, port: int, *, issuer: str | None = None, name: str = "bank.toml"
) -> str:
    """A bank that knows the television, and asks its users."""
    issuer = prepare(directory, store=store, port=port, issuer=issuer, name=name)
    clients = {client["client_id"]: client for client in json.loads((directory / "clients.json").read_text())}
    (directory / "clients.json").write_text(json.dumps([*{**clients, "television": TELEVISION}.values()]))
    text = (directory / name).read_text()
    (directory / name).write_text(text.replace('auto_approve = "alice"\n', "polling_interval = 1\n"))
    return issuer


def a_television(process: Process, http: httpx.AsyncClient) -> Television:
    return Television(
        http=http, clock=time.time, client_id="television", key=a_key("ES256", 1), issuer=process.issuer
    )


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    return "sqlite:///as.db" if request.param == "sqlite" else str(request.getfixturevalue("valkey_url"))


async def test_a_request_outlives_the_process_at_each_step(tmp_path: Path, store: str) -> None:
    port = free_port()
    issuer = prepared(tmp_path, store, port)
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            tv = a_television(process, http)
            codes = await tv.started(dpop_jkt=tv.dpop_key.thumbprint)
            assert await tv.told(codes) == "authorization_pending"
        process.kill()
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            alice = a_television(process, http)
            page = await alice.submit(await http.get("/device"), user_code=codes["user_code"])
            page = await alice.submit(page, holds="yes")
            page = await alice.submit(page, username="alice", password="wonderland")
            cookies = http.cookies
        process.kill()
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            http.cookies = cookies
            last = await a_television(process, http).submit(page, decision="approve")
            assert "Done" in last.text
        process.kill()
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            tv = a_television(process, http)
            assert await tv.told(codes, key=a_key("ES256", 12)) == "invalid_grant"
            tokens = await tv.poll(codes)
            assert tokens.status_code == 200, tokens.text
            assert await tv.told(codes) == "invalid_grant"
            assert (await tv.refresh(tokens.json()["refresh_token"])).status_code == 200


@pytest.fixture
def pair(tmp_path: Path, valkey_url: str) -> Iterator[tuple[Process, Process]]:
    ports = free_port(), free_port()
    issuer = f"https://localhost:{ports[0]}"  # the user's browser is at the first, whoever answers the device
    with ExitStack() as stack:
        processes = []
        for name, port in zip(("one.toml", "two.toml"), ports, strict=True):
            prepared(tmp_path, valkey_url, port, issuer=issuer, name=name)
            processes.append(stack.enter_context(serving(tmp_path, issuer, port, name)))
        yield processes[0], processes[1]


async def test_two_processes_hand_out_one_token_set(pair: tuple[Process, Process]) -> None:
    async with pair[0].http() as first, pair[1].http() as second:
        one, two = a_television(pair[0], first), a_television(pair[1], second)
        for _ in range(8):
            codes = await one.started()
            two.nonce = one.nonce
            page = await one.submit(await first.get("/device"), user_code=codes["user_code"])
            page = await one.submit(page, holds="yes")
            if 'name="password"' in page.text:
                page = await one.submit(page, username="alice", password="wonderland")
            await one.submit(page, decision="approve")
            told = await asyncio.gather(*(tv.told(codes) for tv in (one, two, one, two)))
            assert sorted(told) == ["invalid_grant"] * 3 + ["tokens"]
