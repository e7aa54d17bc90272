"""The certification modules about what a FAPI-CIBA client requests (FAPI-CIBA OP), each named as the module is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.askit.ciba.asking import Asking
from tests.askit.conformance.ciba.live import RSA, CibaBank
from tests.askit.fapi1.live import NUMBERS
from tests.keys import a_key, b64

pytestmark = pytest.mark.anyio

MINUTE = 60


@pytest.fixture
def fintech(live_each: CibaBank) -> Asking:
    """It signs its requests with its key, by whichever method it authenticates."""
    return live_each.asking()


@pytest.fixture
def by_assertion(live: CibaBank) -> Asking:
    return live.asking()


async def _accepted(fintech: Asking, **changes: Any) -> dict[str, Any]:
    response = await fintech.send({"request": fintech.signed(**changes)})
    assert response.status_code == 200, response.text
    return dict(response.json())


async def _refused(fintech: Asking, token: str, clause: str, error: str = "invalid_request") -> None:
    assert await fintech.refused({"request": token}) == (400, error, clause)


@pytest.mark.conformance("ciba-op", "ensure-authorization-request-with-binding-message-succeeds")
@pytest.mark.spec("CIBA 7.1e")
async def test_ensure_authorization_request_with_binding_message_succeeds(fintech: Asking) -> None:
    await _accepted(fintech, binding_message="1234")


@pytest.mark.conformance("ciba-op", "ensure-authorization-request-with-potentially-bad-binding-message")
async def test_ensure_authorization_request_with_potentially_bad_binding_message(fintech: Asking) -> None:
    """It may be taken, or be refused by the error that is there for it."""
    long = "1234 \U0001f44d\U0001f3ff \u54c1\u5ddd Lor\u00e9m ipsum dolor sit amet, " * 4
    await _refused(fintech, fintech.signed(binding_message=long), "CIBA 13a", "invalid_binding_message")
    await _accepted(fintech, binding_message=long[:60])


@pytest.mark.conformance("ciba-op", "ensure-other-scope-order-succeeds")
async def test_ensure_other_scope_order_succeeds(fintech: Asking) -> None:
    await _accepted(fintech, scope="accounts openid")


@pytest.mark.conformance("ciba-op", "ensure-requested-expiry-as-string-succeeds")
@pytest.mark.spec("CIBA 7.1.1c")
async def test_ensure_requested_expiry_as_string_succeeds(fintech: Asking) -> None:
    assert (await _accepted(fintech, requested_expiry="30"))["expires_in"] == 30


@pytest.mark.conformance("ciba-op", "ensure-authorization-request-with-multiple-hints-fails")
@pytest.mark.spec("CIBA 7.1c", "CIBA 7.2")
async def test_ensure_authorization_request_with_multiple_hints_fails(fintech: Asking) -> None:
    await _refused(fintech, fintech.signed(id_token_hint="x.y.z"), "CIBA 7.1c")
    await _refused(fintech, fintech.signed(login_hint_token="x.y.z"), "CIBA 7.1c")


@pytest.mark.conformance("ciba-op")
@pytest.mark.spec("CIBA 7.1.1b", "FAPI-CIBA 5.2.2-9", "CIBA 7.2")
@pytest.mark.parametrize(
    ("module", "claims", "clause"),
    [
        ("ensure-request-object-missing-aud-fails", {"aud": None}, "CIBA 7.1.1b"),
        ("ensure-request-object-bad-aud-fails", {"aud": "https://other.example.test"}, "CIBA 7.1.1b"),
        ("ensure-request-object-missing-iss-fails", {"iss": None}, "CIBA 7.1.1b"),
        ("ensure-request-object-bad-iss-fails", {"iss": "fintech1"}, "CIBA 7.1.1b"),
        ("ensure-request-object-missing-exp-fails", {"exp": None}, "CIBA 7.1.1b"),
        ("ensure-request-object-expired-exp-fails", {"exp": -5 * MINUTE, "nbf": -9 * MINUTE}, "CIBA 7.1.1b"),
        (
            "ensure-request-object-exp-is-70-minutes-in-future-fails",
            {"exp": 70 * MINUTE},
            "FAPI-CIBA 5.2.2-9",
        ),
        ("ensure-request-object-missing-iat-fails", {"iat": None}, "CIBA 7.1.1b"),
        ("ensure-request-object-missing-nbf-fails", {"nbf": None}, "CIBA 7.1.1b"),
        (
            "ensure-request-object-nbf-is-10-minutes-in-future-fails",
            {"nbf": 10 * MINUTE, "exp": 20 * MINUTE},
            "RFC 7519 4.1.5",
        ),
        (
            "ensure-request-object-nbf-is-70-minutes-in-past-fails",
            {"nbf": -70 * MINUTE},
            "FAPI1-ADV 5.2.2-17",
        ),
        ("ensure-request-object-missing-jti-fails", {"jti": None}, "CIBA 7.1.1b"),
        (
            "ensure-different-client-id-and-issuer-in-backchannel-authorization-request",
            {"iss": "other"},
            "CIBA 7.1.1b",
        ),
    ],
)
async def test_a_request_object_with_one_wrong_claim(
    fintech: Asking, module: str, claims: dict[str, Any], clause: str
) -> None:
    await _refused(fintech, fintech.signed(claims=claims), clause)


@pytest.mark.conformance("ciba-op", "ensure-request-object-signature-algorithm-is-none-fails")
async def test_ensure_request_object_signature_algorithm_is_none_fails(fintech: Asking) -> None:
    body = fintech.signed().split(".")[1]
    await _refused(fintech, f"{b64(json.dumps({'alg': 'none'}).encode())}.{body}.", "FAPI-CIBA 7.10")


@pytest.mark.conformance("ciba-op", "ensure-request-object-signature-algorithm-is-bad-fails")
async def test_ensure_request_object_signature_algorithm_is_bad_fails(fintech: Asking) -> None:
    """The header names another algorithm than the one that signed."""
    _, body, signature = fintech.signed().split(".")
    head = b64(json.dumps({"alg": "PS256", "kid": fintech.client.key.kid}).encode())
    await _refused(fintech, f"{head}.{body}.{signature}", "RFC 8725 3.1")


@pytest.mark.conformance("ciba-op", "ensure-request-object-signature-algorithm-is-RS256-fails")
@pytest.mark.spec("FAPI-CIBA 7.10")
async def test_ensure_request_object_signature_algorithm_is_rs256_fails(fintech: Asking) -> None:
    """Its key is registered."""
    await _refused(fintech, fintech.signed(key=RSA), "FAPI-CIBA 7.10")


@pytest.mark.conformance("ciba-op", "ensure-request-object-signed-by-other-client-fails")
async def test_ensure_request_object_signed_by_other_client_fails(fintech: Asking) -> None:
    """Under the name of the other's key, and under the name of its own."""
    other = a_key("ES256", NUMBERS["other"])
    await _refused(fintech, fintech.signed(key=other), "RFC 7515 6")
    signed, _ = fintech.signed().rsplit(".", 1)
    await _refused(fintech, f"{signed}.{b64(other.sign(signed.encode()))}", "CIBA 7.2")


@pytest.mark.conformance("ciba-op", "ensure-unsigned-backchannel-authorization-request-fails")
@pytest.mark.spec("FAPI-CIBA 5.2.2-6")
async def test_ensure_unsigned_backchannel_authorization_request_fails(fintech: Asking) -> None:
    assert await fintech.refused() == (400, "invalid_request", "FAPI-CIBA 5.2.2-6")


@pytest.mark.conformance("ciba-op", "ensure-wrong-client-id-in-backchannel-authorization-request")
async def test_ensure_wrong_client_id_in_backchannel_authorization_request(fintech: Asking) -> None:
    authentication = {**fintech.client.authentication(), "client_id": "other"}
    response = await fintech.send({"request": fintech.signed()}, authentication=authentication)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.conformance("ciba-op", "ensure-without-client-assertion-in-backchannel-authorization-request")
async def test_ensure_without_client_assertion_in_backchannel_authorization_request(
    by_assertion: Asking,
) -> None:
    response = await by_assertion.send(
        {"request": by_assertion.signed()}, authentication={"client_id": "fintech"}
    )
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.conformance(
    "ciba-op",
    "ensure-client-assertion-signature-algorithm-in-backchannel-authorization-request-is-RS256-fails",
)
async def test_ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_rs256_fails(
    by_assertion: Asking,
) -> None:
    authentication = by_assertion.client.authentication(by_assertion.client.assertion(key=RSA))
    response = await by_assertion.send({"request": by_assertion.signed()}, authentication=authentication)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
