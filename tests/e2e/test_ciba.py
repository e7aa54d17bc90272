"""rpkit asks a user of askit, in each delivery mode: both sides are ours, and neither was made for this test."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from fapikit import HttpSettings, MemoryStore, PrivateKeyJWT
from fapikit.io.alarm import SharedAlarm
from rpkit import AsyncClient, CibaRequest
from rpkit.errors import RequestDenied
from rpkit.starlette import CibaNotifications
from tests.askit.bank import OTHER, Bank
from tests.askit.ciba.asking import APIS, PING, POLL, PUSH
from tests.askit.ciba.test_grant import decide
from tests.askit.plain_client import ISSUER, PAYMENT
from tests.keys import a_key

pytestmark = pytest.mark.anyio

SIGNED = {"backchannel_authentication_request_signing_alg": "ES256"}
MODES = {"poll": POLL, "ping": PING, "push": PUSH}


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


class Shop:
    """A bank, a shop that is its client, and the shop's notification endpoint."""

    def __init__(self, mode: str, *, signed: bool, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
        registered = {**MODES[mode], **(SIGNED if signed else {})}
        site = Starlette(routes=CibaNotifications(self.connect, path="/notified").routes())
        outgoing = httpx.AsyncClient(transport=httpx.ASGITransport(app=site))
        self.bank = Bank(
            http=HttpSettings(async_client=outgoing), **{"clients": [registered, OTHER, *APIS], **changes}
        )
        self.mode, self.signed = mode, signed
        self.store = MemoryStore(clock=self.bank.clock)
        incoming = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.bank.server))
        self.http = HttpSettings(async_client=incoming)

        async def nap(alarm: SharedAlarm, seconds: float) -> bool:
            """What the bank has begun to send arrives first; then time passes at once."""
            for _ in range(200):
                await asyncio.sleep(0)
                if alarm.rung:
                    return True
            self.bank.clock.advance(seconds)
            return False

        monkeypatch.setattr(SharedAlarm, "await_", nap)

    async def connect(self) -> AsyncClient:
        asked: dict[str, Any] = {"backchannel_token_delivery_mode": self.mode}
        if self.signed:
            asked |= SIGNED
        return await AsyncClient.discover(
            ISSUER,
            client_id="fintech",
            auth=PrivateKeyJWT(a_key("ES256", 1)),
            profile="fapi2-security",
            http=self.http,
            store=self.store,
            clock=self.bank.clock,
            **asked,
        )

    async def ask(self, client: AsyncClient, **changes: Any) -> CibaRequest:
        parameters = {"scope": "openid accounts", "login_hint": "alice", "binding_message": "WDJB-MJHT"}
        return await client.ciba(**{**parameters, **changes})


@pytest.mark.spec("CIBA 10.1a", "CIBA 10.2a", "CIBA 10.3.1", "CIBA 7.1.1a")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("signed", [False, True], ids=["plain", "signed"])
async def test_the_customer_agrees_and_the_shop_gets_tokens(
    mode: str, signed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(mode, signed=signed, monkeypatch=monkeypatch, auto_approve="alice")
    client = await shop.connect()
    pending = await shop.ask(client, scope="openid payments", authorization_details=[PAYMENT])
    login = await client.wait(pending)
    assert login.id_token is not None
    assert login.id_token.subject == "user-alice"
    assert not login.report.downgrades


@pytest.mark.parametrize("mode", MODES)
async def test_the_customer_refuses(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(mode, signed=False, monkeypatch=monkeypatch)
    client = await shop.connect()
    pending = await shop.ask(client)
    await decide(shop.bank, pending.reference.reveal(), approve=False)
    with pytest.raises(RequestDenied):
        await client.wait(pending)
