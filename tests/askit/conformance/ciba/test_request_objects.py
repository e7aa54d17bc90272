"""The certification modules about what a FAPI-CIBA client requests (FAPI-CIBA OP), each named as the module is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.askit.ciba.asking import Asking
from tests.askit.ciba.fapi import RSA, certified, fapi_bank
from tests.keys import a_key, b64

pytestmark = pytest.mark.anyio

MINUTE = 60


@pytest.fixture
def fintech() -> Asking:
    return certified(fapi_bank())


async def _accepted(fintech: Asking, **changes: Any) -> dict[str, Any]:
    response = await fintech.send({"request": fintech.signed(**changes)})
    assert response.status_code == 200, response.text
    return dict(response.json())


async def _refused(fintech: Asking, token: str, error: str = "invalid_request") -> bool:
    return (await fintech.refused({"request": token}))[:2] == (400, error)


@pytest.mark.spec("CIBA 7.1e")
async def test_ensure_authorization_request_with_binding_message_succeeds(fintech: Asking) -> None:
    await _accepted(fintech, binding_message="1234")


async def test_ensure_authorization_request_with_potentially_bad_binding_message(fintech: Asking) -> None:
    """It may be taken, or be refused by the error that is there for it."""
    long = "1234 \U0001f44d\U0001f3ff \u54c1\u5ddd Lor\u00e9m ipsum dolor sit amet, " * 4
    assert await _refused(fintech, fintech.signed(binding_message=long), "invalid_binding_message")
    await _accepted(fintech, binding_message=long[:60])


async def test_ensure_other_scope_order_succeeds(fintech: Asking) -> None:
    await _accepted(fintech, scope="accounts openid")


@pytest.mark.spec("CIBA 7.1.1c")
async def test_ensure_requested_expiry_as_string_succeeds(fintech: Asking) -> None:
    assert (await _accepted(fintech, requested_expiry="30"))["expires_in"] == 30


@pytest.mark.spec("CIBA 7.1c", "CIBA 7.2")
async def test_ensure_authorization_request_with_multiple_hints_fails(fintech: Asking) -> None:
    assert await _refused(fintech, fintech.signed(id_token_hint="x.y.z"))
    assert await _refused(fintech, fintech.signed(login_hint_token="x.y.z"))


@pytest.mark.spec("CIBA 7.1.1b", "FAPI-CIBA 5.2.2-9", "CIBA 7.2")
@pytest.mark.parametrize(
    ("module", "claims"),
    [
        ("ensure-request-object-missing-aud-fails", {"aud": None}),
        ("ensure-request-object-bad-aud-fails", {"aud": "https://other.example.test"}),
        ("ensure-request-object-missing-iss-fails", {"iss": None}),
        ("ensure-request-object-bad-iss-fails", {"iss": "fintech1"}),
        ("ensure-request-object-missing-exp-fails", {"exp": None}),
        ("ensure-request-object-expired-exp-fails", {"exp": -5 * MINUTE, "nbf": -9 * MINUTE}),
        ("ensure-request-object-exp-is-70-minutes-in-future-fails", {"exp": 70 * MINUTE}),
        ("ensure-request-object-missing-iat-fails", {"iat": None}),
        ("ensure-request-object-missing-nbf-fails", {"nbf": None}),
        ("ensure-request-object-nbf-is-10-minutes-in-future-fails", {"nbf": 10 * MINUTE, "exp": 20 * MINUTE}),
        ("ensure-request-object-nbf-is-70-minutes-in-past-fails", {"nbf": -70 * MINUTE}),
        ("ensure-request-object-missing-jti-fails", {"jti": None}),
        ("ensure-different-client-id-and-issuer-in-backchannel-authorization-request", {"iss": "other"}),
    ],
)
async def test_a_request_object_with_one_wrong_claim(
    fintech: Asking, module: str, claims: dict[str, Any]
) -> None:
    assert await _refused(fintech, fintech.signed(claims=claims)), module


async def test_ensure_request_object_signature_algorithm_is_none_fails(fintech: Asking) -> None:
    body = fintech.signed().split(".")[1]
    assert await _refused(fintech, f"{b64(json.dumps({'alg': 'none'}).encode())}.{body}.")


async def test_ensure_request_object_signature_algorithm_is_bad_fails(fintech: Asking) -> None:
    """The header names another algorithm than the one that signed."""
    _, body, signature = fintech.signed().split(".")
    head = b64(json.dumps({"alg": "PS256", "kid": fintech.client.key.kid}).encode())
    assert await _refused(fintech, f"{head}.{body}.{signature}")


@pytest.mark.spec("FAPI-CIBA 7.10")
async def test_ensure_request_object_signature_algorithm_is_rs256_fails(fintech: Asking) -> None:
    """Its key is registered."""
    assert await _refused(fintech, fintech.signed(key=RSA))


async def test_ensure_request_object_signed_by_other_client_fails(fintech: Asking) -> None:
    assert await _refused(fintech, fintech.signed(key=a_key("ES256", 2)))


@pytest.mark.spec("FAPI-CIBA 5.2.2-6")
async def test_ensure_unsigned_backchannel_authorization_request_fails(fintech: Asking) -> None:
    assert (await fintech.refused())[:2] == (400, "invalid_request")


async def test_ensure_wrong_client_id_in_backchannel_authorization_request(fintech: Asking) -> None:
    authentication = {**fintech.client.authentication(), "client_id": "other"}
    response = await fintech.send({"request": fintech.signed()}, authentication=authentication)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


async def test_ensure_without_client_assertion_in_backchannel_authorization_request(fintech: Asking) -> None:
    response = await fintech.send({"request": fintech.signed()}, authentication={"client_id": "fintech"})
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


async def test_ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_rs256_fails(
    fintech: Asking,
) -> None:
    authentication = fintech.client.authentication(fintech.client.assertion(key=RSA))
    response = await fintech.send({"request": fintech.signed()}, authentication=authentication)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
