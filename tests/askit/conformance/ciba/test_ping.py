"""The certification modules about what a notification endpoint answers to a ping: the flow goes on (FAPI-CIBA OP).

The endpoint is a server of its own, under TLS.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from tests.askit.ciba.asking import TOKEN
from tests.askit.conformance.ciba.live import CibaBank
from tests.askit.conformance.ciba.test_flows import approved
from tests.askit.hosting import Hosting, hosting

pytestmark = [pytest.mark.anyio, pytest.mark.spec("CIBA 10.2a", "CIBA 10.2c", "CIBA 10.3.1c")]


async def goes_on(bank: CibaBank, endpoint: Hosting) -> None:
    """One ping with the bearer token and the id alone, whatever is answered; then the tokens come."""
    client = bank.asking()
    auth_req_id = await approved(bank, client, client_notification_token=TOKEN)
    await endpoint.heard()
    (ping,) = endpoint.requests
    assert (ping.method, str(ping.url)) == ("POST", endpoint.uri)
    assert ping.headers["authorization"] == f"Bearer {TOKEN}"
    assert ping.headers["content-type"] == "application/json"
    assert json.loads(ping.content) == {"auth_req_id": auth_req_id}
    assert (await client.poll(auth_req_id)).status_code == 200


async def is_given_up(bank: CibaBank, endpoint: Hosting, caplog: pytest.LogCaptureFixture, why: str) -> None:
    """The flow goes on, and the log says that no further attempt is made at this endpoint."""
    await goes_on(bank, endpoint)
    await bank.at_rest()
    assert f"fintech was not told of a decision: {why}" in caplog.text
    assert len(endpoint.requests) == 1


@pytest.mark.conformance("ciba-op", "ping-backchannel-notification-endpoint-response-has-body")
@pytest.mark.parametrize("octets", [9, 100_000])
async def test_ping_backchannel_notification_endpoint_response_has_body(
    octets: int, pinging_each: CibaBank, endpoint: Hosting
) -> None:
    endpoint.status, endpoint.body = 200, b"x" * octets
    await goes_on(pinging_each, endpoint)
    await pinging_each.at_rest()
    assert len(endpoint.requests) == 1


@pytest.mark.conformance("ciba-op", "ping-backchannel-notification-endpoint-response-401")
async def test_ping_backchannel_notification_endpoint_response_401(
    pinging_each: CibaBank, endpoint: Hosting, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.status = 401
    await is_given_up(pinging_each, endpoint, caplog, "it answered 401")


@pytest.mark.conformance("ciba-op", "ping-backchannel-notification-endpoint-response-403")
async def test_ping_backchannel_notification_endpoint_response_403(
    pinging_each: CibaBank, endpoint: Hosting, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.status = 403
    await is_given_up(pinging_each, endpoint, caplog, "it answered 403")


class TestWithCertificates:
    @pytest.fixture
    async def endpoint(self) -> AsyncIterator[Hosting]:
        """It asks for a client certificate in the handshake."""
        async with hosting(path="/notified", asks_for_certificates=True) as running:
            yield running

    @pytest.mark.conformance(
        "ciba-op", "ping-with-mtls-ciba-notification-endpoint-response-401-and-require-server-does-not-retry"
    )
    async def test_ping_with_mtls_ciba_notification_endpoint_response_401_and_require_server_does_not_retry(
        self, pinging_each: CibaBank, endpoint: Hosting, caplog: pytest.LogCaptureFixture
    ) -> None:
        endpoint.status, endpoint.headers = 401, {"www-authenticate": 'Bearer error="invalid_token"'}
        await is_given_up(pinging_each, endpoint, caplog, "it answered 401")


@pytest.mark.conformance("ciba-op", "ping-backchannel-notification-endpoint-return-redirect-request")
@pytest.mark.parametrize("status", [302, 307])
async def test_ping_backchannel_notification_endpoint_return_redirect_request(
    status: int, pinging_each: CibaBank, endpoint: Hosting, caplog: pytest.LogCaptureFixture
) -> None:
    """To the same host, and to another one that answers."""
    async with hosting(path="/elsewhere") as elsewhere:
        for target in (f"{endpoint.uri}/again", elsewhere.uri):
            endpoint.status, endpoint.headers = status, {"location": target}
            endpoint.requests.clear()
            caplog.clear()
            await is_given_up(pinging_each, endpoint, caplog, "it answered with a redirect")
    assert elsewhere.requests == []
