"""An intent of each shape: lodged, shown, agreed to, in the tokens, and ended."""

from __future__ import annotations

import pytest

from askit.pytest_plugin.movable_clock import MovableClock
from tests.askit.intents.lodging import (
    APIS,
    BODIES,
    CLAIM,
    IDS,
    PATHS,
    PREFIXES,
    SCOPES,
    STATUSES,
    Lodger,
    at,
)
from tests.askit.plain_client import read_callback
from tests.keys import claims_of

pytestmark = pytest.mark.anyio

WORDS = {
    "uk-account-access": ("AWAU", "AUTH", "RJCT"),
    "uk-domestic-payment": ("AWAU", "AUTH", "RJCT"),
    "brazil-consent": ("AWAITING_AUTHORISATION", "AUTHORISED", "REJECTED"),
    "berlin-group-consent": ("received", "valid", "rejected"),
    "berlin-group-payment": ("RCVD", "ACTC", "RJCT"),
}
SHOWN = {
    "uk-account-access": ["Access to your accounts", "ReadAccountsBasic", "ReadBalances"],
    "uk-domestic-payment": ['class="payee">to ACME Inc', "165.88 GBP", "08080021325698"],
    "brazil-consent": ["ACCOUNTS_READ"],
    "berlin-group-consent": ["DE40", 'lasts until <time datetime="2027-03-01">'],
    "berlin-group-payment": ["123.50 EUR", "Merchant A"],
}
every_shape = pytest.mark.parametrize("shape", sorted(PATHS))


@every_shape
@pytest.mark.spec("LODGING 1", "LODGING 2", "LODGING 3", "LODGING 6", "LODGING 8")
async def test_what_was_lodged_is_shown_agreed_to_and_carried_to_the_api(fintech: Lodger, shape: str) -> None:
    answer = await fintech.lodge(shape)
    assert answer.status_code == 201, answer.text
    intent_id = at(answer.json(), IDS[shape])
    assert at(answer.json(), STATUSES[shape]) == WORDS[shape][0]
    assert answer.headers["location"] == f"{fintech.plain.issuer}{PATHS[shape]}/{intent_id}"

    request_uri = await fintech.request_uri(shape, intent_id)
    page = await fintech.plain.follow(await fintech.plain.authorize(request_uri))
    page = await fintech.plain.submit(page, username="alice", password="wonderland")
    for words in SHOWN[shape]:
        assert words in page.text
    assert intent_id not in page.text
    callback = read_callback(await fintech.plain.submit(page, decision="approve"))
    assert await fintech.status(shape, intent_id) == WORDS[shape][1]

    tokens = (await fintech.plain.redeem(callback["code"], resource=[APIS[shape]])).json()
    assert claims_of(tokens["id_token"])[CLAIM] == intent_id
    named = [f"{PREFIXES[shape]}{intent_id}"] if shape in PREFIXES else []
    assert tokens["scope"].split() == ["openid", SCOPES[shape], *named]
    seen = await fintech.introspected(tokens["access_token"])
    assert seen["scope"].split() == [SCOPES[shape], *named]
    (detail,) = seen["authorization_details"]
    assert (detail["type"], detail["consent_id"]) == (shape.replace("-", "_"), intent_id)
    assert detail["consent_expires_at"] >= seen["exp"]
    assert "loggedUser" not in detail

    refreshed = await fintech.plain.refresh(
        tokens["refresh_token"], resource=[APIS[shape]], scope=tokens["scope"]
    )
    assert refreshed.status_code == 200, refreshed.text
    assert refreshed.json()["authorization_details"] == [detail]


@every_shape
async def test_a_refusal_of_the_user_is_final(fintech: Lodger, shape: str) -> None:
    intent_id = await fintech.lodged(shape)
    callback = read_callback(await fintech.decide(shape, intent_id, "deny"))
    assert callback["error"] == "access_denied"
    assert await fintech.status(shape, intent_id) == WORDS[shape][2]


@pytest.mark.parametrize("shape", [shape for shape in sorted(PATHS) if shape != "uk-domestic-payment"])
@pytest.mark.spec("LODGING 5", "LODGING 7")
async def test_its_client_ends_an_intent_and_every_token_follows(fintech: Lodger, shape: str) -> None:
    intent_id = await fintech.lodged(shape)
    callback = read_callback(await fintech.decide(shape, intent_id))
    tokens = (await fintech.plain.redeem(callback["code"], resource=[APIS[shape]])).json()
    answer = await fintech.delete(shape, intent_id)
    assert (answer.status_code, answer.content) == (204, b"")
    assert await fintech.introspected(tokens["access_token"]) == {"active": False}
    refreshed = await fintech.plain.refresh(tokens["refresh_token"])
    assert refreshed.json()["error"] == "invalid_grant"
    again = await fintech.delete(shape, intent_id)
    assert (again.status_code, again.json()["error_description"]) == (
        400,
        "this intent was ended by its client before [LODGING 5]",
    )


async def test_an_intent_that_the_user_ends_at_the_bank_says_so(fintech: Lodger) -> None:
    shape = "berlin-group-consent"
    intent_id = await fintech.lodged(shape)
    await fintech.decide(shape, intent_id)
    page = await fintech.plain.http.get("/grants")
    await fintech.plain.submit(page)
    assert await fintech.status(shape, intent_id) == "revokedByPsu"


@pytest.mark.spec("LODGING 4")
async def test_the_grant_ends_when_the_intent_does(fintech: Lodger, clock: MovableClock) -> None:
    shape = "uk-account-access"
    intent_id = await fintech.lodged(shape)
    callback = read_callback(await fintech.decide(shape, intent_id))
    tokens = (await fintech.plain.redeem(callback["code"])).json()
    clock.advance(45 * 86_400)
    assert await fintech.status(shape, intent_id) == "EXPD"
    assert (await fintech.plain.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_far_end_is_brought_nearer_in_the_berlin_group_alone(fintech: Lodger) -> None:
    far = {**BODIES["berlin-group-consent"], "validUntil": "9999-12-31"}
    answer = await fintech.lodge("berlin-group-consent", far)
    assert answer.json()["validUntil"] == "2027-04-15"
