"""A signed authentication request: all parameters inside, of this client, for this server, for a short time, once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.askit.bank import FINTECH
from tests.askit.ciba.asking import SIGNING, TOKEN, Asking, a_bank, asking
from tests.askit.plain_client import PAYMENT
from tests.keys import a_key, b64

pytestmark = pytest.mark.anyio

RSA = a_key("RS256", 1)
CLIENT = {**SIGNING, "jwks": {"keys": [*FINTECH["jwks"]["keys"], dict(RSA.public_jwk)]}}


@pytest.fixture
def fintech() -> Asking:
    return asking(a_bank(CLIENT))


@pytest.mark.spec("CIBA 7.1.1a", "CIBA 7.1.1b")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"typ": "oauth-authz-req+jwt"},
        {"typ": "JWT"},
        {"requested_expiry": 120},
        {"requested_expiry": "120"},
        {"authorization_details": [PAYMENT], "resource": ["https://api.example.test/payments"]},
        {"request_context": {"shop": "Till 4"}},
        {"claims": {"aud": ["https://other.example.test", "https://bank.example.test"]}},
        {"claims": {"client_id": "fintech"}},
        {"claims": {"nbf": -3599, "iat": -3599, "exp": 1}},
        {"binding_message": None, "acr_values": None},
    ],
)
async def test_a_good_signed_request(fintech: Asking, changes: dict[str, Any]) -> None:
    assert (await fintech.send({"request": fintech.signed(**changes)})).status_code == 200


@pytest.mark.spec("CIBA 7.1.1b", "CIBA 7.2", "RFC 8725 3.12")
@pytest.mark.parametrize(
    ("claims", "clause"),
    [
        ({"iss": None}, "CIBA 7.1.1b"),
        ({"iss": "other"}, "CIBA 7.1.1b"),
        ({"aud": None}, "CIBA 7.1.1b"),
        ({"aud": "https://elsewhere.example.test"}, "CIBA 7.1.1b"),
        ({"aud": "https://bank.example.test/backchannel_authentication"}, "CIBA 7.1.1b"),
        ({"exp": None}, "CIBA 7.1.1b"),
        ({"exp": -31, "nbf": -100}, "CIBA 7.1.1b"),
        ({"exp": 3601}, "CIBA 7.1.1b"),
        ({"exp": "soon"}, "CIBA 7.1.1b"),
        ({"iat": None}, "CIBA 7.1.1b"),
        ({"iat": 61}, "FAPI2-SP 5.3.2.1-13"),
        ({"nbf": None}, "CIBA 7.1.1b"),
        ({"nbf": 61}, "FAPI2-SP 5.3.2.1-13"),
        ({"nbf": -3601}, "CIBA 7.1.1b"),
        ({"jti": None}, "CIBA 7.1.1b"),
        ({"jti": 7}, "CIBA 7.1.1b"),
        ({"client_id": "other"}, "CIBA 7.1.1b"),
        ({"request": "x.y.z"}, "CIBA 7.1.1a"),
        ({"request_uri": "urn:x"}, "CIBA 7.1.1a"),
        ({"response_type": "code"}, "RFC 8725 3.12"),
        ({"redirect_uri": FINTECH["redirect_uris"][0]}, "RFC 8725 3.12"),
    ],
    ids=str,
)
async def test_each_claim_counts(fintech: Asking, claims: dict[str, Any], clause: str) -> None:
    refused = await fintech.refused({"request": fintech.signed(claims=claims)})
    assert refused == (400, "invalid_request", clause)


async def test_a_client_may_not_be_the_subject_of_its_request(fintech: Asking) -> None:
    """Else it could be sent as a client assertion."""
    refused = await fintech.refused({"request": fintech.signed(claims={"sub": "fintech"})})
    assert refused[:2] == (400, "invalid_request")
    posing = fintech.client.authentication(fintech.signed(claims={"sub": "fintech"}))
    assert (await fintech.send({"request": fintech.signed()}, authentication=posing)).status_code == 401


@pytest.mark.spec("CIBA 7.1.1a", "CIBA 7.2")
async def test_another_signature_is_no_signature(fintech: Asking) -> None:
    head, body, signature = fintech.signed().split(".")
    swapped = b64(json.dumps({"scope": "openid payments", "login_hint": "bob"}).encode())
    for token in (
        f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
        f"{head}.{swapped}.{signature}",
        f"{b64(json.dumps({'alg': 'none'}).encode())}.{body}.",
        fintech.signed(key=a_key("ES256", 2)),
        fintech.signed(key=RSA),
        "not-a-jwt",
        "a.b.c.d.e",
        fintech.client.assertion(),
        fintech.client.request_object(),
    ):
        assert (await fintech.refused({"request": token}))[:2] == (400, "invalid_request"), token


@pytest.mark.spec("CIBA 7.1.1a")
@pytest.mark.parametrize(
    "name",
    ["scope", "login_hint", "binding_message", "resource", "client_notification_token", "requested_expiry"],
)
async def test_nothing_of_the_request_stands_outside(fintech: Asking, name: str) -> None:
    value = {**fintech.request(), "resource": ["https://api.example.test/accounts"], "requested_expiry": "60"}
    form = {"request": fintech.signed(), name: value.get(name, TOKEN)}
    assert await fintech.refused(form) == (400, "invalid_request", "CIBA 7.1.1a")


async def test_an_unknown_parameter_outside_is_ignored(fintech: Asking) -> None:
    assert (await fintech.send({"request": fintech.signed(), "tracking": "7"})).status_code == 200


@pytest.mark.spec("CIBA 7.1.1b")
async def test_a_signed_request_is_accepted_once(fintech: Asking) -> None:
    token = fintech.signed()
    assert (await fintech.send({"request": token})).status_code == 200
    assert await fintech.refused({"request": token}) == (400, "invalid_request", "CIBA 7.1.1b")
    again = fintech.signed(claims={"jti": "of-its-own"})
    assert (await fintech.send({"request": again})).status_code == 200


async def test_a_refused_request_is_not_used_up(fintech: Asking) -> None:
    """What is wrong with it cannot be put right, but its jti was never answered."""
    token = fintech.signed(claims={"jti": "one", "scope": "accounts"})
    assert (await fintech.refused({"request": token}))[1] == "invalid_scope"
    assert (await fintech.send({"request": fintech.signed(claims={"jti": "one"})})).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [{"scope": ["openid"]}, {"login_hint": 7}, {"login_hint": None, "login_hint_token": 7},
     {"requested_expiry": True}, {"requested_expiry": 1.5},
     {"requested_expiry": -1}, {"request_context": "x"}],
    ids=str,
)  # fmt: skip
async def test_a_parameter_of_another_json_type_is_refused(fintech: Asking, claims: dict[str, Any]) -> None:
    assert (await fintech.refused({"request": fintech.signed(claims=claims)}))[:2] == (400, "invalid_request")


async def test_an_optional_parameter_without_a_value_is_absent(fintech: Asking) -> None:
    """Written by hand, for `signed` leaves out what is None."""
    token = fintech.signed(claims={"login_hint_token": "", "acr_values": ""})
    assert (await fintech.send({"request": token})).status_code == 200


async def test_a_client_that_has_not_registered_how_it_signs_sends_plain_requests() -> None:
    fintech = asking(a_bank())
    assert await fintech.refused({"request": fintech.signed()}) == (400, "invalid_request", "CIBA 4d")
