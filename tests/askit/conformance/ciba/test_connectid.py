"""The ConnectID modules of the FAPI-CIBA plan, at a bank whose settings say what ConnectID asks of a payment.

askit has no profile for ConnectID. The profile FAPI-CIBA refuses what both refuse, and the bank's own schema refuses
broken details of a payment. The rest decides nothing.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.askit.bank import Bank
from tests.askit.ciba.asking import Asking
from tests.askit.ciba.fapi import certified, fapi_bank
from tests.askit.ciba.test_grant import decide
from tests.askit.plain_client import ISSUER, PAYMENTS
from tests.keys import a_key, claims_of, mint

pytestmark = pytest.mark.anyio

TEXT = {"type": "string", "minLength": 1}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["instructed_amount", "source_account", "beneficiary_name", "desc"],
    "properties": {
        "instructed_amount": {
            "type": "object",
            "required": ["amount", "currency"],
            "properties": {
                "amount": {"type": "string", "pattern": "^[0-9]{1,13}[.][0-9]{2}$"},
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            },
        },
        "source_account": {"type": "string", "pattern": "^[0-9*]{12,19}$"},
        "beneficiary_name": TEXT,
        "desc": TEXT,
    },
}
CARD = "5105105105105100"
PAYMENT: dict[str, Any] = {
    "type": "3ds_payment",
    "instructed_amount": {"amount": "42.00", "currency": "AUD"},
    "source_account": "5105********5100",
    "beneficiary_name": "Shoe Shop",
    "desc": "One pair of shoes",
}
HINT = mint(
    {"iss": "https://hints.example.test", "aud": ISSUER, "sub_id": {"format": "opaque", "id": "a"}}, a_key()
)


@pytest.fixture
def bank() -> Bank:
    alice: dict[str, Any] = {"password": "wonderland", "claims": {"sub": "user-alice", "txn": "one"}}
    return fapi_bank(
        users=[{**alice, "username": "alice"}, {"username": CARD, "password": "a card"}],
        authorization_details_types=[{"type": "3ds_payment", "resource": PAYMENTS, "schema": SCHEMA}],
    )


@pytest.fixture
def fintech(bank: Bank) -> Asking:
    return certified(bank)


ACCEPTED: dict[str, dict[str, Any]] = {
    "connectid-ensure-authorization-request-with-purpose-succeeds": {"purpose": "To rent a car"},
    "connectid-ensure-authorization-request-with-non-ascii-purpose": {
        "purpose": "Um ein Auto zu mieten, für Zoë"
    },
    "connectid-ensure-authorization-request-with-3ds-card-login-hint-succeeds": {"login_hint": CARD},
    "connectid-ensure-authorization-request-with-3ds-payment-authorization-details-succeeds": {
        "authorization_details": [PAYMENT]
    },
}


@pytest.mark.conformance("ciba-op")
@pytest.mark.parametrize("module", ACCEPTED)
async def test_what_is_accepted(module: str, fintech: Asking) -> None:
    await fintech.started({"request": fintech.signed(**ACCEPTED[module])})


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "connectid-ensure-authorization-request-without-binding-message-fails": (
        {"binding_message": None},
        "invalid_request",
        "FAPI-CIBA 5.2.2-2",
    ),
    "connectid-ensure-authorization-request-with-login-hint-token-fails": (
        {"login_hint": None, "login_hint_token": HINT},
        "invalid_request",
        "CIBA 14b",
    ),
    "connectid-ensure-authorization-request-with-malformed-card-login-hint-fails": (
        {"login_hint": f"{CARD}1"},
        "unknown_user_id",
        "CIBA 13a",
    ),
    "connectid-ensure-authorization-request-with-wrong-3ds-payment-authorization-details-type-fails": (
        {"authorization_details": [{**PAYMENT, "type": "4ds_payment"}]},
        "invalid_authorization_details",
        "RFC 9396 5",
    ),
}


@pytest.mark.conformance("ciba-op")
@pytest.mark.parametrize("module", REFUSED)
async def test_what_is_refused(module: str, fintech: Asking) -> None:
    changes, code, clause = REFUSED[module]
    assert await fintech.refused({"request": fintech.signed(**changes)}) == (400, code, clause)


BROKEN: dict[str, tuple[str, Any]] = {
    "connectid-ensure-authorization-request-without-3ds-payment-instructed-amount-fails": (
        "instructed_amount",
        None,
    ),
    "connectid-ensure-authorization-request-without-3ds-payment-amount-fails": (
        "instructed_amount.amount",
        None,
    ),
    "connectid-ensure-authorization-request-with-malformed-3ds-payment-amount-fails": (
        "instructed_amount.amount",
        "forty-two",
    ),
    "connectid-ensure-authorization-request-without-3ds-payment-currency-fails": (
        "instructed_amount.currency",
        None,
    ),
    "connectid-ensure-authorization-request-with-malformed-3ds-payment-currency-fails": (
        "instructed_amount.currency",
        "aud",
    ),
    "connectid-ensure-authorization-request-without-3ds-payment-source-account-fails": (
        "source_account",
        None,
    ),
    "connectid-ensure-authorization-request-with-malformed-3ds-payment-source-account-fails": (
        "source_account",
        "my card",
    ),
    "connectid-ensure-authorization-request-without-3ds-payment-beneficiary-name-fails": (
        "beneficiary_name",
        None,
    ),
    "connectid-ensure-authorization-request-without-3ds-payment-desc-fails": ("desc", None),
}


@pytest.mark.conformance("ciba-op")
@pytest.mark.parametrize("module", BROKEN)
async def test_the_details_of_a_payment_are_whole(module: str, fintech: Asking) -> None:
    field, value = BROKEN[module]
    detail = copy.deepcopy(PAYMENT)
    *way, last = field.split(".")
    inner = detail[way[0]] if way else detail
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    refused = await fintech.send({"request": fintech.signed(authorization_details=[detail])})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_authorization_details")
    assert f"authorization_details of type 3ds_payment: {field} " in refused.json()["error_description"]


@pytest.mark.conformance(
    "ciba-op",
    "connectid-ensure-authorization-request-with-too-short-purpose-fails",
    "connectid-ensure-authorization-request-with-too-long-purpose-fails",
)
@pytest.mark.parametrize("purpose", ["x", "x" * 301])
async def test_a_parameter_that_is_unknown_decides_nothing(purpose: str, fintech: Asking) -> None:
    await fintech.started({"request": fintech.signed(purpose=purpose)})


@pytest.mark.conformance("ciba-op", "connectid-ensure-txn-returned-when-not-requested")
async def test_a_claim_that_nobody_asked_for_is_not_given(bank: Bank, fintech: Asking) -> None:
    for claims, given in ((None, False), ({"id_token": {"txn": None}}, True)):
        auth_req_id = await fintech.started(
            {"request": fintech.signed(claims={"claims": claims} if claims else None)}
        )
        await decide(bank, auth_req_id)
        id_token = claims_of((await fintech.poll(auth_req_id)).json()["id_token"])
        assert ("txn" in id_token) is given


@pytest.mark.conformance("ciba-op", "connectid-ensure-authorization-request-with-id-token-hint-fails")
async def test_an_id_token_of_this_bank_names_its_user(bank: Bank, fintech: Asking) -> None:
    auth_req_id = await fintech.started({"request": fintech.signed()})
    await decide(bank, auth_req_id)
    hint = (await fintech.poll(auth_req_id)).json()["id_token"]
    await fintech.started({"request": fintech.signed(login_hint=None, id_token_hint=hint)})
    for other in ("alice", f"{hint}x"):
        request = fintech.signed(login_hint=None, id_token_hint=other)
        assert await fintech.refused({"request": request}) == (400, "invalid_request", "OIDC 3.1.2.2")
