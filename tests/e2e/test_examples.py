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
from rskit.testing import Mint

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


@pytest.mark.spec("RFC 9396 9")
def test_of_two_consents_neither_pays_for_the_other(askit: RunningServer[AuthorizationServer]) -> None:
    """The client may have tokens for both payments and for one of them: the large one is still executed once."""
    mint = Mint()
    small, large = (
        {
            "type": "payment_initiation",
            "instructedAmount": {"currency": "EUR", "amount": amount},
            "consent_id": consent,
        }
        for amount, consent in (("1.00", "c1"), ("1000.00", "c2"))
    )

    async def walk() -> list[int]:
        async with (
            lived(bank_api.create_app(RESOURCE, askit.issuer, askit.http())) as api,
            httpx.AsyncClient(transport=api) as http,
        ):
            paid, nonce = [], None
            for granted, order in (
                ((small, large), large),
                ((large,), large),
                ((large, small), small),
                ((small,), small),
            ):
                token = await askit.async_access_token(
                    scope="payments",
                    cnf={"jkt": mint.client_key.thumbprint},
                    authorization_details=granted,
                    sub=f"alice-{len(paid)}",
                )
                for _ in range(2):
                    headers = mint.headers("POST", f"{RESOURCE}payments", token=token, nonce=nonce)
                    body = {"instructedAmount": order["instructedAmount"]}
                    answer = await http.post(f"{RESOURCE}payments", json=body, headers=headers)
                    nonce = answer.headers.get("dpop-nonce", nonce)
                    if answer.status_code != 401:
                        break
                paid.append(answer.status_code)
            return paid

    assert asyncio.run(walk()) == [201, 409, 201, 409]


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
