"""The certification modules about what a notification endpoint answers to a ping: the flow goes on (FAPI-CIBA OP)."""

from __future__ import annotations

import httpx
import pytest

from tests.askit.ciba.asking import NOTIFIED, TOKEN, Asking
from tests.askit.ciba.fapi import CLIENT, certified, fapi_bank
from tests.askit.ciba.notified import Notified
from tests.askit.ciba.phone import Phone, phone_at

pytestmark = [pytest.mark.anyio, pytest.mark.spec("CIBA 10.2a", "CIBA 10.2c", "CIBA 10.3.1c")]

PINGED = {
    **CLIENT,
    "backchannel_token_delivery_mode": "ping",
    "backchannel_client_notification_endpoint": NOTIFIED,
}


class Pinged:
    """A client that is pinged, and the phone of its user."""

    def __init__(self, answer: httpx.Response) -> None:
        self.endpoint = Notified(answer=lambda _: answer)
        bank = fapi_bank(PINGED, http=self.endpoint.http())
        self.client: Asking = certified(bank)
        self.phone: Phone = phone_at(bank)

    async def goes_on(self) -> None:
        """One ping with the bearer token and the id alone, whatever is answered; then the tokens come."""
        signed = self.client.signed(client_notification_token=TOKEN)
        auth_req_id = await self.client.started({"request": signed})
        await self.phone.decide("W4SCT")
        await self.endpoint.settled()
        assert self.endpoint.heard == [{"auth_req_id": auth_req_id}]
        (ping,) = self.endpoint.requests
        assert (ping.method, str(ping.url)) == ("POST", NOTIFIED)
        assert ping.headers["authorization"] == f"Bearer {TOKEN}"
        assert ping.headers["content-type"] == "application/json"
        assert (await self.client.poll(auth_req_id)).status_code == 200
        await self.endpoint.settled()
        assert len(self.endpoint.requests) == 1


async def test_ping_backchannel_notification_endpoint_response_has_body() -> None:
    await Pinged(httpx.Response(200, text="thank you")).goes_on()


async def test_ping_backchannel_notification_endpoint_response_401() -> None:
    await Pinged(httpx.Response(401)).goes_on()


async def test_ping_backchannel_notification_endpoint_response_403() -> None:
    await Pinged(httpx.Response(403)).goes_on()


async def test_ping_with_mtls_ciba_notification_endpoint_response_401_and_require_server_does_not_retry() -> (
    None
):
    """An endpoint that asks for a certificate, and gets none."""
    await Pinged(httpx.Response(401, headers={"www-authenticate": 'Bearer error="invalid_token"'})).goes_on()


async def test_ping_backchannel_notification_endpoint_return_redirect_request() -> None:
    """To the same host too."""
    for target in ("https://elsewhere.example.test/", f"{NOTIFIED}/again"):
        await Pinged(httpx.Response(307, headers={"location": target})).goes_on()
