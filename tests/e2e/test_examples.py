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


def test_a_customer_signs_in_sees_accounts_and_pays_once(
    askit: RunningServer[AuthorizationServer], tmp_path: Path
) -> None:
    async def walk() -> None:
        site = askit.redirect_uri.removesuffix("/callback")
        bank = {"issuer": askit.issuer, "client_id": askit.client_id, "http": askit.http()}
        app = bank_api.create_app(RESOURCE, askit.issuer, askit.http(), data=tmp_path)
        async with lived(app) as api:
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
    home = (await browser.get("/")).text
    assert "alice" in home
    assert "DE89370400440532013000" in home
    assert fintech_app.PAY in home, "the next step is a button of this page"
    assert (await browser.post("/pay", data={"amount": "13.00"})).status_code == 403
    assert (await browser.post("/pay")).status_code == 400
    receipt = (await browser.post("/pay", data=ORDER)).json()
    assert (receipt["status"], receipt["creditorName"]) == ("executed", "Green Grocer Ltd")
    again = await browser.post("/pay", data=ORDER)
    assert (again.status_code, again.json()) == (201, receipt), "the same payment, the same receipt"


def an_order(amount: str, reference: str = "1") -> dict[str, Any]:
    return {
        "instructedAmount": {"currency": "EUR", "amount": amount},
        "creditorName": "Shop",
        "creditorAccount": {"iban": "DE02120300000000202051"},
        "remittanceInformationUnstructured": reference,
    }


class Payer:
    """A client with tokens of askit, and whatever they carry."""

    def __init__(self, askit: RunningServer[AuthorizationServer], data: Path) -> None:
        self._askit, self._data, self._mint = askit, data, Mint()
        self._nonce: str | None = None

    def pay(self, *requests: tuple[tuple[Any, ...], Any, str]) -> list[int]:
        """The statuses of requests to the API as it is started anew: (granted details, order, key) each."""
        return asyncio.run(self._pay(requests))

    async def _pay(self, requests: tuple[tuple[tuple[Any, ...], Any, str], ...]) -> list[int]:
        app = bank_api.create_app(RESOURCE, self._askit.issuer, self._askit.http(), data=self._data)
        self._nonce = None
        async with lived(app) as api, httpx.AsyncClient(transport=api) as http:
            return [await self._send(http, *request) for request in requests]

    async def _send(self, http: httpx.AsyncClient, granted: tuple[Any, ...], order: Any, key: str) -> int:
        token = await self._askit.async_access_token(
            scope="payments", cnf={"jkt": self._mint.client_key.thumbprint}, authorization_details=granted
        )
        while True:
            headers = self._mint.headers("POST", f"{RESOURCE}payments", token=token, nonce=self._nonce)
            headers["Idempotency-Key"] = key
            answer = await http.post(f"{RESOURCE}payments", json=order, headers=headers)
            if answer.status_code != 401 or self._nonce is not None:
                return answer.status_code
            self._nonce = answer.headers["dpop-nonce"]


@pytest.fixture
def payer(askit: RunningServer[AuthorizationServer], tmp_path: Path) -> Payer:
    return Payer(askit, tmp_path)


def consented(order: dict[str, Any], consent: str) -> dict[str, Any]:
    return {"type": "payment_initiation", **order, "consent_id": consent}


SMALL, LARGE = an_order("1.00"), an_order("1000.00")


@pytest.mark.spec("RFC 9396 9")
def test_of_two_consents_neither_pays_for_the_other(payer: Payer) -> None:
    """The client may have tokens for both payments and for one of them: the large one is still executed once."""
    small, large = consented(SMALL, "c1"), consented(LARGE, "c2")
    assert payer.pay(
        ((small, large), LARGE, "k1"),
        ((large,), LARGE, "k2"),
        ((large, small), SMALL, "k3"),
        ((small,), SMALL, "k4"),
        ((small, large), LARGE, "k1"),
    ) == [201, 409, 201, 409, 201]


def test_a_payment_outlives_a_restart_of_the_api(payer: Payer) -> None:
    granted = (consented(SMALL, "c1"),)
    assert payer.pay((granted, SMALL, "k1")) == [201]
    assert payer.pay((granted, SMALL, "k2"), (granted, SMALL, "k1")) == [409, 201]


@pytest.mark.parametrize(
    "change",
    [
        {"instructedAmount": {"currency": "EUR", "amount": "1.01"}},
        {"instructedAmount": {"currency": "USD", "amount": "1.00"}},
        {"creditorName": "Thief"},
        {"creditorAccount": {"iban": "DE02100100109307118603"}},
        {"remittanceInformationUnstructured": "2"},
        {"creditorAccount": {}},
        {"instructedAmount": []},
    ],
)
def test_all_that_is_executed_is_compared(payer: Payer, change: dict[str, Any]) -> None:
    granted = (consented(SMALL, "c1"),)
    assert payer.pay((granted, {**SMALL, **change}, "k1"), (granted, SMALL, "k2")) == [403, 201]


def test_an_order_says_all_that_is_executed_and_nothing_else(payer: Payer) -> None:
    granted = (consented(SMALL, "c1"),)
    lacking = [{name: value for name, value in SMALL.items() if name != left} for left in SMALL]
    orders = [*lacking, {**SMALL, "urgent": True}, [SMALL], None, "12"]
    assert payer.pay(*((granted, order, "k1") for order in orders)) == [400] * 8


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
        "DATA": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    routes: list[Any] = list(fintech_app.from_environment().routes)
    assert [route.path for route in routes] == ["/", "/pay", "/login", "/callback"]
    assert bank_api.from_environment().resource == RESOURCE
