"""The certification modules about signed requests (FAPI 2 Message Signing OP), each named as the module is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.plain_client import ACCOUNTS, PAYMENT, PAYMENTS, PlainClient, read_callback
from tests.keys import a_key, b64, claims_of

pytestmark = pytest.mark.anyio


async def _push(client: PlainClient, **arguments: Any) -> httpx.Response:
    arguments.setdefault("response_mode", "jwt")
    return await client.push({"request": client.request_object(**arguments)})


async def _accepted(client: PlainClient, **arguments: Any) -> str:
    response = await _push(client, **arguments)
    assert response.status_code == 201, response.text
    return str(response.json()["request_uri"])


async def _inner_response(client: PlainClient, request_uri: str) -> Mapping[str, Any]:
    callback = read_callback(await client.decide(request_uri))
    assert set(callback) == {"response"}
    return claims_of(callback["response"])


def _refused(response: httpx.Response, error: str = "invalid_request_object") -> bool:
    return (response.status_code, response.json()["error"]) == (400, error)


@pytest.mark.spec("FAPI2-MS 5.3.1-1", "FAPI2-MS 5.4.1-1")
async def test_happy_flow_signed(signer: PlainClient) -> None:
    response = await _inner_response(signer, await _accepted(signer, authorization_details=[PAYMENT]))
    tokens = (await signer.redeem(response["code"], resource=None)).json()
    assert claims_of(tokens["id_token"])["nonce"] == "the-nonce"


@pytest.mark.conformance("fapi2-op", "ensure-different-nonce-inside-and-outside-request-object")
async def test_ensure_different_nonce_inside_and_outside_request_object(signer: PlainClient) -> None:
    form = {"request": signer.request_object(response_mode="jwt"), "nonce": "outer"}
    request_uri = (await signer.push(form)).json()["request_uri"]
    code = (await _inner_response(signer, request_uri))["code"]
    assert claims_of((await signer.redeem(code)).json()["id_token"])["nonce"] == "the-nonce"


@pytest.mark.conformance("fapi2-op", "ensure-different-state-inside-and-outside-request-object")
async def test_ensure_different_state_inside_and_outside_request_object(signer: PlainClient) -> None:
    form = {"request": signer.request_object(response_mode="jwt"), "state": "outer"}
    request_uri = (await signer.push(form)).json()["request_uri"]
    assert (await _inner_response(signer, request_uri))["state"] == "the-state"


@pytest.mark.conformance("fapi2-op", "state-only-outside-request-object-not-used")
async def test_state_only_outside_request_object_not_used(signer: PlainClient) -> None:
    form = {"request": signer.request_object(response_mode="jwt", state=None), "state": "outer"}
    request_uri = (await signer.push(form)).json()["request_uri"]
    assert "state" not in await _inner_response(signer, request_uri)


@pytest.mark.conformance("fapi2-op", "ensure-request-object-without-redirect-uri-fails")
async def test_ensure_request_object_without_redirect_uri_fails(signer: PlainClient) -> None:
    assert _refused(await _push(signer, redirect_uri=None), "invalid_request")


@pytest.mark.spec("RFC 9101 5b")
async def test_a_redirect_uri_outside_the_request_object_does_not_count(signer: PlainClient) -> None:
    form = {
        "request": signer.request_object(response_mode="jwt", redirect_uri=None),
        "redirect_uri": signer.redirect_uri,
    }
    assert _refused(await signer.push(form), "invalid_request")


@pytest.mark.conformance("fapi2-op", "ensure-request-object-with-multiple-aud-succeeds")
@pytest.mark.spec("FAPI2-MS 5.3.1-2")
async def test_ensure_request_object_with_multiple_aud_succeeds(signer: PlainClient) -> None:
    await _accepted(signer, claims={"aud": ["https://other.example.test", signer.issuer]})


@pytest.mark.conformance("fapi2-op", "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-13")
@pytest.mark.parametrize("ahead", [0, 8, 10])
async def test_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(
    signer: PlainClient, ahead: int
) -> None:
    now = int(signer.clock())
    await _accepted(signer, claims={"nbf": now + ahead, "iat": now + ahead})


@pytest.mark.conformance("fapi2-op")
@pytest.mark.parametrize(
    ("module", "claims"),
    [
        ("ensure-request-object-without-exp-fails", {"exp": None}),
        ("ensure-request-object-without-nbf-fails", {"nbf": None}),
        ("ensure-expired-request-object-fails", {"nbf": -600, "exp": -300}),
        ("ensure-request-object-with-bad-aud-fails", {"aud": "https://other.example.test"}),
        ("ensure-request-object-with-exp-over-60-fails", {"exp": 70 * 60}),
        ("ensure-request-object-with-nbf-over-60-fails", {"nbf": -70 * 60}),
        ("nbf more than 60 s ahead", {"nbf": 61, "exp": 300}),
        ("iat more than 60 s ahead", {"iat": 61}),
        ("no aud", {"aud": None}),
        ("no iss", {"iss": None}),
        ("iss of another client", {"iss": "other"}),
        ("client_id of another client", {"client_id": "other"}),
        ("no client_id", {"client_id": None}),
        ("sub is the client", {"sub": "fintech"}),
        ("par-authorization-request-containing-request_uri", {"request_uri": "urn:x"}),
        ("request inside", {"request": "x.y.z"}),
        ("exp is a string", {"exp": "soon"}),
    ],
)
@pytest.mark.spec("FAPI2-MS 5.3.1-3", "FAPI2-MS 5.3.1-4", "RFC 9101 6.3", "RFC 9126 3-3")
async def test_a_broken_request_object_is_refused(
    signer: PlainClient, module: str, claims: dict[str, Any]
) -> None:
    now = int(signer.clock())
    moved = {
        name: now + value if name in ("exp", "nbf", "iat") and isinstance(value, int) else value
        for name, value in claims.items()
    }
    assert _refused(await _push(signer, claims=moved)), module


@pytest.mark.parametrize(
    ("parameter", "value"), [("state", 7), ("scope", ["openid"]), ("max_age", "60"), ("claims", "{}")]
)
@pytest.mark.spec("RFC 9101 4a")
async def test_a_parameter_of_the_wrong_json_type_is_refused(
    signer: PlainClient, parameter: str, value: Any
) -> None:
    assert _refused(await _push(signer, claims={parameter: value}), "invalid_request")


@pytest.mark.conformance("fapi2-op", "ensure-signed-request-object-with-RS256-fails")
async def test_ensure_signed_request_object_with_rs256_fails(signer: PlainClient) -> None:
    """Its key is registered."""
    assert _refused(await _push(signer, key=a_key("RS256", 1)))


@pytest.mark.conformance("fapi2-op", "ensure-request-object-signature-algorithm-is-not-none")
async def test_ensure_request_object_signature_algorithm_is_not_none(signer: PlainClient) -> None:
    body = signer.request_object(response_mode="jwt").split(".")[1]
    unsigned = f"{b64(json.dumps({'alg': 'none'}).encode())}.{body}."
    assert _refused(await signer.push({"request": unsigned}))


@pytest.mark.conformance("fapi2-op", "ensure-request-object-with-invalid-signature-fails")
@pytest.mark.spec("RFC 9101 6.2")
async def test_ensure_request_object_with_invalid_signature_fails(signer: PlainClient) -> None:
    head, body, signature = signer.request_object(response_mode="jwt").split(".")
    broken = f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    assert _refused(await signer.push({"request": broken}))


@pytest.mark.conformance("fapi2-op", "ensure-matching-key-in-authorization-request")
@pytest.mark.spec("RFC 9101 6.1")
async def test_ensure_matching_key_in_authorization_request(signer: PlainClient) -> None:
    """Signed by client 2's key."""
    assert _refused(await _push(signer, key=a_key("ES256", 2)))


@pytest.mark.conformance("fapi2-op", "ensure-unsigned-request-at-par-endpoint-fails")
@pytest.mark.spec("FAPI2-MS 5.3.1-1", "RFC 9126 2.3")
async def test_ensure_unsigned_request_at_par_endpoint_fails(signer: PlainClient) -> None:
    assert _refused(await signer.push(signer.request(response_mode="jwt")), "invalid_request")


@pytest.mark.spec("FAPI2-MS 5.3.1-5", "RFC 8725 3.11")
@pytest.mark.parametrize(
    ("typ", "status"),
    [("oauth-authz-req+jwt", 201), (None, 201), ("JWT", 201), ("client-authentication+jwt", 400)],
)
async def test_the_type_of_a_request_object(signer: PlainClient, typ: str | None, status: int) -> None:
    assert (await _push(signer, typ=typ)).status_code == status


async def test_a_client_assertion_is_no_request_object_and_the_reverse(signer: PlainClient) -> None:
    assert (await signer.push({"request": signer.assertion()})).status_code == 400
    posing = signer.authentication(signer.request_object(response_mode="jwt", claims={"sub": "fintech"}))
    response = await signer.push(
        {"request": signer.request_object(response_mode="jwt")}, authentication=posing
    )
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


async def test_a_signed_request_is_taken_where_it_is_not_required(client: PlainClient) -> None:
    """What FAPI 2 Security does not forbid stays on."""
    response = await client.push({"request": client.request_object()})
    assert "code" in read_callback(await client.decide(response.json()["request_uri"]))


@pytest.mark.spec("RFC 9101 10.5")
async def test_a_client_may_demand_of_itself_that_requests_are_signed() -> None:
    bank = Bank(
        clients=[
            {**FINTECH, "require_signed_request_object": True},
            OTHER,
            an_api("accounts-api", 3),
            an_api("payments-api", 4),
        ]
    )
    assert _refused(await bank.client().push(), "invalid_request")
    assert (await bank.client("other").push()).status_code == 201


@pytest.mark.spec("RFC 8707 2.1")
@pytest.mark.parametrize("resource", [ACCOUNTS, [ACCOUNTS], [ACCOUNTS, PAYMENTS]])
async def test_resources_in_a_request_object_are_a_string_or_an_array(
    signer: PlainClient, resource: Any
) -> None:
    response = await _inner_response(signer, await _accepted(signer, claims={"resource": resource}))
    tokens = (await signer.redeem(response["code"], resource=[ACCOUNTS])).json()
    assert claims_of(tokens["access_token"])["aud"] == ACCOUNTS


@pytest.mark.parametrize("resource", [7, [7], {"uri": ACCOUNTS}, "https://elsewhere.example.test/"])
async def test_other_resources_in_a_request_object_are_refused(signer: PlainClient, resource: Any) -> None:
    assert _refused(await _push(signer, claims={"resource": resource}), "invalid_target")


@pytest.mark.conformance(
    "fapi2-op",
    "australia-connectid-ensure-request-object-with-exp-over-10-fails",
    "australia-connectid-ensure-request-object-with-nbf-over-15-fails",
)
@pytest.mark.parametrize(
    "changes", [{"exp": 11 * 60}, {"nbf": -16 * 60}, {"exp": 59 * 60}, {"nbf": -55 * 60}]
)
async def test_an_hour_is_the_bound_of_the_profile(signer: PlainClient, changes: dict[str, int]) -> None:
    now = int(signer.clock())
    await _accepted(signer, claims={name: now + seconds for name, seconds in changes.items()})
