"""The `claims` parameter in an authentication request: plain and verified claims, and the user whom it names."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from tests.askit.bank import Bank, settings
from tests.askit.ciba.asking import SIGNING, Asking, a_bank, asking
from tests.askit.ciba.phone import phone_at
from tests.keys import claims_of
from tests.mothers.verified_claims import ANSWER, EIDAS, WISH, changed

pytestmark = pytest.mark.anyio


def proven(**client: Any) -> Bank:
    alice, bob = settings()["users"]
    return a_bank(**client, users=[{**alice, "verified_claims": [EIDAS]}, bob])


@pytest.mark.spec("OIDC 5.5", "IDA 5.3", "IDA 5.7.3")
@pytest.mark.parametrize("signed", [False, True])
async def test_claims_are_shown_on_the_phone_and_given(signed: bool) -> None:
    bank = proven(**({"client": SIGNING} if signed else {}))
    fintech = asking(bank)
    claims = {"id_token": {"verified_claims": WISH, "email": None}}
    form = (
        {"request": fintech.signed(claims={"claims": claims})} if signed else fintech.request(claims=claims)
    )
    auth_req_id = await fintech.started(form)
    phone = phone_at(bank)
    page = unescape((await phone.look()).text)
    for shown in ("Verified data about you (eidas)", "1990-02-03", "You must be of age", "See your e-mail"):
        assert shown in page
    await phone.decide("Till 4")
    token = claims_of((await fintech.poll(auth_req_id)).json()["id_token"])
    assert token["verified_claims"] == ANSWER
    assert token["email"] == "alice@example.test"


@pytest.mark.spec("IDA 5.3", "OIDC 5.5.1")
@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ([], "claims must be a JSON object"),
        (
            {"id_token": {"verified_claims": changed(WISH, "claims", ...)}},
            "verified_claims.claims is missing",
        ),
        ({"id_token": {"email": {"essential": 1}}}, "claims.id_token.email.essential must be true or false"),
        ({"id_token": {"sub": {"value": "bob"}}}, "the hint and claims name different users"),
    ],
)
async def test_a_wrong_one_is_refused_before_anybody_is_asked(claims: Any, told: str) -> None:
    fintech: Asking = asking(proven())
    refused = await fintech.send(claims=claims)
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_request"
    assert told in refused.json()["error_description"]
    assert (await fintech.send(claims={"id_token": {"sub": {"value": "user-alice"}}})).status_code == 200
