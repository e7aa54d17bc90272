"""Whose decision counts: an intent with a document is for the user who has it, and for nobody else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.askit.intents.lodging import BODIES, Lodger
from tests.askit.plain_client import read_callback

pytestmark = pytest.mark.anyio

BRAZIL = "brazil-consent"
COMPANY = {"document": {"identification": "50685362006773", "rel": "CNPJ"}}
OTHER_COMPANY = {"document": {"identification": "99999999000191", "rel": "CNPJ"}}


def body(**more: Any) -> dict[str, Any]:
    return {"data": {**BODIES[BRAZIL]["data"], **more}}


async def at_the_page(fintech: Lodger, intent_id: str, **who: str) -> httpx.Response:
    page = await fintech.plain.follow(
        await fintech.plain.authorize(await fintech.request_uri(BRAZIL, intent_id))
    )
    return await fintech.plain.submit(page, **who)


@pytest.mark.spec("LODGING 9")
@pytest.mark.parametrize(
    ("who", "lodged"),
    [
        ({"username": "bob", "password": "builder"}, body()),
        ({"username": "carol", "password": "mockturtle"}, body()),
        ({"username": "alice", "password": "wonderland"}, body(businessEntity=OTHER_COMPANY)),
        ({"username": "bob", "password": "builder"}, body(businessEntity=COMPANY)),
    ],
)
async def test_another_user_is_shown_nothing_and_decides_nothing(
    fintech: Lodger, who: dict[str, str], lodged: dict[str, Any]
) -> None:
    intent_id = await fintech.lodged(BRAZIL, lodged)
    callback = read_callback(await at_the_page(fintech, intent_id, **who))
    assert callback["error"] == "access_denied"
    assert (
        callback["error_description"] == "this intent is about another user, or another company [LODGING 9]"
    )
    assert await fintech.status(BRAZIL, intent_id) == "AWAITING_AUTHORISATION"


@pytest.mark.spec("LODGING 9")
async def test_who_signs_in_while_the_page_is_open_decides_nothing_for_another(
    fintech: Lodger, other: Lodger
) -> None:
    intent_id = await fintech.lodged(BRAZIL)
    page = await at_the_page(fintech, intent_id, username="alice", password="wonderland")
    assert 'name="decision"' in page.text
    await at_the_page(fintech, await fintech.lodged(BRAZIL), username="alice", password="wonderland")
    page = await fintech.plain.submit(page, decision="switch")
    callback = read_callback(await fintech.plain.submit(page, username="bob", password="builder"))
    assert callback["error"] == "access_denied"


async def test_a_user_of_the_company_agrees_for_it(fintech: Lodger) -> None:
    intent_id = await fintech.lodged(BRAZIL, body(businessEntity=COMPANY))
    page = await at_the_page(fintech, intent_id, username="alice", password="wonderland")
    assert "50685362006773" not in page.text
    callback = read_callback(await fintech.plain.submit(page, decision="approve"))
    tokens = (await fintech.plain.redeem(callback["code"])).json()
    (detail,) = tokens["authorization_details"]
    assert set(detail) == {"type", "permissions", "consent_id", "consent_expires_at"}
    assert detail["consent_id"].startswith("urn:bancoex:")
