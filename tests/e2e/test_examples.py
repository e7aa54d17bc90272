"""The small programs of `examples/`, as they stand: a customer signs in at askit, sees accounts and pays once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.running import RESOURCE, RunningServer
from examples import bank_api, fintech_app
from fapikit import MemoryStore, PrivateKey, PrivateKeyJWT, Seal

ORDER = {"amount": "12.00"}


@asynccontextmanager
async def lived(app: Any) -> AsyncIterator[httpx.ASGITransport]:
    """The app from its start-up to its shutdown, as a server runs it."""
    said: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    heard: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, said.get, heard.put))
    said.put_nowait({"type": "lifespan.startup"})
    assert (await heard.get())["type"] == "lifespan.startup.complete"
    yield httpx.ASGITransport(app=app)
    said.put_nowait({"type": "lifespan.shutdown"})
    await life


def test_a_customer_signs_in_sees_accounts_and_pays_once(askit: RunningServer[AuthorizationServer]) -> None:
    async def walk() -> None:
        site = askit.redirect_uri.removesuffix("/callback")
        bank = {"issuer": askit.issuer, "client_id": askit.client_id, "http": askit.http()}
        async with lived(bank_api.create_app(RESOURCE, askit.issuer, askit.http())) as api:
            fintech = fintech_app.Fintech(
                {**bank, "auth": PrivateKeyJWT(askit.client_key)},
                api=RESOURCE,
                redirect_uri=askit.redirect_uri,
                store=MemoryStore(),
                seal=Seal([b"k" * 32]),
                api_options={"transport": api},
            )
            async with lived(fintech.app()) as pages:
                async with httpx.AsyncClient(transport=pages, base_url=site) as browser:
                    await pay(browser, askit, site)
                async with httpx.AsyncClient(transport=pages, base_url=site) as stranger:
                    assert (await stranger.get("/")).text == fintech_app.SIGN_IN

    asyncio.run(walk())


async def pay(browser: httpx.AsyncClient, askit: RunningServer[AuthorizationServer], site: str) -> None:
    assert (await browser.get("/")).text == fintech_app.SIGN_IN
    assert (await browser.post("/login", data=ORDER)).status_code == 403, "no page of ours began it"
    start = await browser.post("/login", data=ORDER, headers={"origin": site})
    callback = await askit.async_browse(start.headers["location"])
    assert isinstance(callback, str)
    assert (await browser.get(callback)).headers["location"] == "/"
    assert (await browser.get("/")).json()["of"] == "alice"
    assert (await browser.post("/pay", data={"amount": "13.00"})).status_code == 403
    assert (await browser.post("/pay")).status_code == 400
    assert (await browser.post("/pay", data=ORDER)).json() == {"status": "executed"}
    assert (await browser.post("/pay", data=ORDER)).status_code == 409


def test_they_start_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key.pem").write_bytes(PrivateKey.generate("ES256").to_pem())
    (tmp_path / "seal").write_bytes(b"k" * 32)
    for name, value in {
        "ISSUER": "https://bank.example",
        "RESOURCE": RESOURCE,
        "API": RESOURCE,
        "CLIENT_ID": "fintech",
        "REDIRECT_URI": "https://fintech.example/callback",
        "KEY_FILE": str(tmp_path / "key.pem"),
        "SEAL_FILE": str(tmp_path / "seal"),
    }.items():
        monkeypatch.setenv(name, value)
    routes: list[Any] = list(fintech_app.from_environment().routes)
    assert [route.path for route in routes] == ["/", "/pay", "/login", "/callback"]
    assert bank_api.from_environment().resource == RESOURCE
