"""The certification modules about who may redeem an `auth_req_id`, and how (FAPI-CIBA OP)."""

from __future__ import annotations

import pytest

from tests.askit.conformance.ciba.live import RSA, CibaBank
from tests.askit.conformance.ciba.test_flows import approved, error_of
from tests.askit.fapi1.answers import error_of as cited_error_of

pytestmark = pytest.mark.anyio


@pytest.mark.conformance("ciba-op", "ensure-wrong-auth-req-id-in-token-endpoint-request")
@pytest.mark.spec("CIBA 10.1c", "CIBA 11b")
async def test_ensure_wrong_auth_req_id_in_token_endpoint_request(live_each: CibaBank) -> None:
    """The other client's; it stays good for its own client."""
    client, other = live_each.asking(), live_each.asking("other")
    auth_req_id = await approved(live_each, client)
    refused = (
        400,
        "invalid_grant",
        "CIBA 11b",
    )  # for this reason, not because its certificate is another one
    assert cited_error_of(await other.poll(auth_req_id)) == refused
    assert (await client.poll(auth_req_id)).status_code == 200


@pytest.mark.conformance("ciba-op", "ensure-wrong-client-id-in-token-endpoint-request")
async def test_ensure_wrong_client_id_in_token_endpoint_request(live_each: CibaBank) -> None:
    client = live_each.asking()
    auth_req_id = await approved(live_each, client)
    authentication = {**client.client.authentication(), "client_id": "other"}
    assert error_of(await client.poll(auth_req_id, authentication=authentication)) == (401, "invalid_client")
    assert (await client.poll(auth_req_id)).status_code == 200


@pytest.mark.conformance("ciba-op", "ensure-without-client-assertion-in-token-endpoint-request")
async def test_ensure_without_client_assertion_in_token_endpoint_request(live: CibaBank) -> None:
    client = live.asking()
    auth_req_id = await approved(live, client)
    authentication = {"client_id": "fintech"}
    assert error_of(await client.poll(auth_req_id, authentication=authentication)) == (401, "invalid_client")


@pytest.mark.conformance(
    "ciba-op", "ensure-client-assertion-signature-algorithm-in-token-endpoint-request-is-RS256-fails"
)
@pytest.mark.spec("FAPI-CIBA 7.10")
async def test_ensure_client_assertion_signature_algorithm_in_token_endpoint_request_is_rs256_fails(
    live: CibaBank,
) -> None:
    """Its key is registered."""
    client = live.asking()
    auth_req_id = await approved(live, client)
    authentication = client.client.authentication(client.client.assertion(key=RSA))
    assert error_of(await client.poll(auth_req_id, authentication=authentication)) == (401, "invalid_client")


@pytest.mark.conformance("ciba-op", "ensure-client-assertion-with-iss-aud-to-token-endpoint-succeeds")
@pytest.mark.spec("CIBA 7.1b")
async def test_ensure_client_assertion_with_iss_aud_to_token_endpoint_succeeds(live: CibaBank) -> None:
    client = live.asking()
    auth_req_id = await approved(live, client)
    authentication = client.client.authentication(aud=live.issuer)
    assert (await client.poll(auth_req_id, authentication=authentication)).status_code == 200
