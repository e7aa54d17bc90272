"""The profile fapi-ciba at the server: what it serves, what it refuses, each with the clause."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from askit.errors import InvalidClientMetadata
from fapikit.metadata import read_metadata
from fapikit.metadata_audit import audit
from tests.askit.bank import OTHER
from tests.askit.ciba.asking import NOTIFIED, TOKEN
from tests.askit.ciba.fapi import CLIENT, MINE, RSA, certified, fapi_bank
from tests.askit.ciba.test_grant import decide
from tests.askit.fapi1.answers import error_of
from tests.askit.plain_client import ISSUER, PAYMENT, without
from tests.keys import b64, claims_of
from tests.mothers.certificates import a_certificate

pytestmark = pytest.mark.anyio

MODE, ENDPOINT = "backchannel_token_delivery_mode", "backchannel_client_notification_endpoint"
ALG = "backchannel_authentication_request_signing_alg"


@pytest.mark.spec("FAPI-CIBA 5.2.2", "FAPI-CIBA 5.2.2-4", "FAPI-CIBA 5.2.2-6", "FAPI1-ADV 5.2.2-5")
async def test_a_signed_request_leads_to_tokens_that_are_bound_to_the_certificate() -> None:
    bank = fapi_bank()
    fintech = certified(bank)
    auth_req_id = await fintech.started({"request": fintech.signed()})
    await decide(bank, auth_req_id)
    tokens = (await fintech.poll(auth_req_id)).json()
    assert tokens["token_type"] == "Bearer"
    thumbprint = b64(hashlib.sha256(MINE.der).digest())
    assert claims_of(tokens["access_token"])["cnf"] == {"x5t#S256": thumbprint}


@pytest.mark.spec("FAPI-CIBA 5.2.2-4", "FAPI-CIBA 5.2.2-3")
def test_the_metadata_stand_the_audit_of_the_profile() -> None:
    report = audit(read_metadata(ISSUER, fapi_bank().server.metadata()), "fapi-ciba")
    assert report.holds, str(report)


@pytest.mark.spec("FAPI-CIBA 5.2.2-1", "FAPI-CIBA 5.2.2-3", "FAPI-CIBA 5.2.2-6", "FAPI-CIBA 7.10")
@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({MODE: "push", ENDPOINT: NOTIFIED}, "FAPI-CIBA 5.2.2-3"),
        ({ALG: None}, "FAPI-CIBA 5.2.2-6"),
        ({ALG: "RS256"}, "FAPI-CIBA 7.10"),
        ({"token_endpoint_auth_method": "none", "grant_types": [], MODE: None}, "FAPI-CIBA 5.2.2-1"),
        (
            {"token_endpoint_auth_method": "client_secret_basic", "client_secret": "s" * 40},
            "FAPI1-ADV 5.2.2-14",
        ),
    ],
    ids=str,
)
def test_a_client_that_the_profile_does_not_have(changes: dict[str, Any], clause: str) -> None:
    with pytest.raises(InvalidClientMetadata) as refused:
        fapi_bank(without({**CLIENT, **changes}))
    assert refused.value.clause == clause


@pytest.mark.spec("FAPI-CIBA 5.2.2-5")
async def test_ping_is_served() -> None:
    fintech = certified(fapi_bank({**CLIENT, MODE: "ping", ENDPOINT: NOTIFIED}))
    request = fintech.signed(client_notification_token=TOKEN)
    assert (await fintech.send({"request": request})).status_code == 200


@pytest.mark.spec("FAPI-CIBA 5.2.2-6", "FAPI-CIBA 5.2.2-9", "FAPI-CIBA 5.2.2-2", "FAPI1-ADV 5.2.2-17")
async def test_what_a_request_lacks_is_told_with_the_rule_of_the_profile() -> None:
    fintech = certified(fapi_bank())
    assert await fintech.refused() == (400, "invalid_request", "FAPI-CIBA 5.2.2-6")
    for claims, clause in (
        ({"exp": 3601}, "FAPI-CIBA 5.2.2-9"),
        ({"nbf": -3601, "exp": -1}, "FAPI1-ADV 5.2.2-17"),
        ({"binding_message": None}, "FAPI-CIBA 5.2.2-2"),
    ):
        refused = await fintech.refused({"request": fintech.signed(claims=claims)})
        assert refused == (400, "invalid_request", clause)
    signed = fintech.signed(key=RSA)
    assert await fintech.refused({"request": signed}) == (400, "invalid_request", "FAPI-CIBA 7.10")


@pytest.mark.spec("FAPI-CIBA 5.2.2-2")
async def test_a_payment_is_context_enough() -> None:
    fintech = certified(fapi_bank())
    signed = fintech.signed(binding_message=None, authorization_details=[PAYMENT])
    assert (await fintech.send({"request": signed})).status_code == 200


@pytest.mark.spec("FAPI-CIBA 5.2.2-8")
async def test_the_id_token_has_the_level_that_was_asked_for() -> None:
    bank = fapi_bank()
    fintech = certified(bank)
    level = bank.config.acr_levels[0]
    auth_req_id = await fintech.started({"request": fintech.signed(acr_values=level)})
    await decide(bank, auth_req_id)
    assert claims_of((await fintech.poll(auth_req_id)).json()["id_token"])["acr"] == level


@pytest.mark.spec("FAPI1-ADV 5.2.2-5")
async def test_no_certificate_no_token_and_not_another_one() -> None:
    bank = fapi_bank()
    auth_req_id = await certified(bank).started({"request": certified(bank).signed()})
    await decide(bank, auth_req_id)
    without_one = await certified(bank, shows=None).poll(auth_req_id)
    assert error_of(without_one) == (400, "invalid_request", "FAPI1-ADV 5.2.2-5")
    stolen = await certified(bank, shows=a_certificate(serial=8)).poll(auth_req_id)
    assert error_of(stolen)[:2] == (400, "invalid_grant")
    assert (await certified(bank).poll(auth_req_id)).status_code == 200


@pytest.mark.spec("CIBA 7.1b")
@pytest.mark.parametrize("audience", ["", "/token", "/backchannel_authentication"])
async def test_each_audience_of_ciba_is_taken_at_both_endpoints(audience: str) -> None:
    bank = fapi_bank()
    fintech = certified(bank)
    mine = fintech.client.authentication
    form = {"request": fintech.signed()}
    response = await fintech.send(form, authentication=mine(aud=ISSUER + audience))
    assert response.status_code == 200
    poll = await fintech.poll(response.json()["auth_req_id"], authentication=mine(aud=ISSUER + audience))
    assert error_of(poll)[1] == "authorization_pending"


def test_a_client_without_ciba_may_stay() -> None:
    fapi_bank(OTHER | {"client_id": "fintech"})
