"""Create, merge and replace: what the grant holds then, and what becomes of the tokens that were issued before."""

from __future__ import annotations

import re

import pytest

from tests.askit.bank import Bank
from tests.askit.grant_management.managing import ALL, granted, held, seen
from tests.askit.plain_client import ACCOUNTS, PAYMENT, PAYMENTS, PlainClient

pytestmark = pytest.mark.anyio


@pytest.mark.spec("GM 5.5", "GM 9")
async def test_a_created_grant_has_an_id_and_another_request_makes_another_grant(client: PlainClient) -> None:
    first, second = await granted(client, "create"), await granted(client, "create")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", first["grant_id"])
    assert first["grant_id"] != second["grant_id"]
    assert (await client.refresh(first["refresh_token"])).json()["grant_id"] == first["grant_id"]


async def test_without_an_action_nothing_is_told_of_a_grant(client: PlainClient) -> None:
    assert "grant_id" not in await client.tokens()


@pytest.mark.spec("GM 5.2a", "GM 5.5")
async def test_a_merge_adds_and_ends_the_earlier_refresh_token_but_not_the_access_token(
    bank: Bank, client: PlainClient
) -> None:
    first = await granted(client, "create", scope="openid accounts")
    merged = await granted(
        client,
        "merge",
        first["grant_id"],
        scope="payments",
        authorization_details=[PAYMENT],
        resource=[PAYMENTS],
    )
    assert merged["grant_id"] == first["grant_id"]
    holds = await held(client, first["grant_id"])
    assert holds["scopes"] == [
        {"scope": "openid"},
        {"scope": "accounts", "resource": [ACCOUNTS]},
        {"scope": "payments", "resource": [PAYMENTS]},
    ]
    assert [detail["creditorName"] for detail in holds["authorization_details"]] == ["Merchant A"]
    refused = await client.refresh(first["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (await seen(bank, first["access_token"]))["scope"] == "accounts"
    again = await client.refresh(merged["refresh_token"], resource=ACCOUNTS)
    assert again.json()["scope"] == "openid accounts"


@pytest.mark.spec("GM 5.2a")
async def test_the_reuse_of_a_refresh_token_from_before_a_merge_does_not_end_the_grant() -> None:
    bank = Bank(refresh_rotation=True)
    client = bank.client()
    first = await granted(client, "create")
    merged = await granted(client, "merge", first["grant_id"], **ALL)
    for _ in range(3):
        assert (await client.refresh(first["refresh_token"])).status_code == 400
    assert (await client.refresh(merged["refresh_token"], resource=ACCOUNTS)).status_code == 200


@pytest.mark.spec("GM 5.2a")
async def test_a_merge_lengthens_nothing_that_was_granted_before(bank: Bank, client: PlainClient) -> None:
    first = await granted(client, "create")
    ends = (await held(client, first["grant_id"]))["expires_at"]
    bank.clock.advance(80 * 86_400)
    client = bank.client()
    payment = {"authorization_details": [PAYMENT], "scope": None, "resource": [PAYMENTS]}
    await granted(client, "merge", first["grant_id"], **payment)
    holds = await held(client, first["grant_id"])
    assert holds["expires_at"] == ends
    assert holds["authorization_details"][0]["consent_expires_at"] == ends
    assert holds["last_updated_at"] == holds["created_at"] + 80 * 86_400
    bank.clock.advance(10 * 86_400)
    assert (await client.redeem(await client.code())).status_code == 200


@pytest.mark.spec("GM 5.2b", "GM 10")
async def test_a_replaced_grant_holds_only_what_was_asked_for_now_and_each_token_follows(
    bank: Bank, client: PlainClient
) -> None:
    first = await granted(client, "create", **ALL)
    at_accounts = (await client.refresh(first["refresh_token"], resource=ACCOUNTS)).json()
    bank.clock.advance(60)
    replaced = await granted(client, "replace", first["grant_id"], scope="openid accounts")
    assert replaced["grant_id"] == first["grant_id"]
    holds = await held(client, first["grant_id"])
    assert holds["scopes"] == [{"scope": "openid"}, {"scope": "accounts", "resource": [ACCOUNTS]}]
    assert holds["expires_at"] == holds["created_at"] + 60 + 90 * 86_400
    assert holds["updated_by"] == "client"
    assert (await client.refresh(first["refresh_token"], resource=ACCOUNTS)).status_code == 400
    assert await seen(bank, first["access_token"], "payments-api") == {"active": False}
    assert (await seen(bank, at_accounts["access_token"]))["scope"] == "accounts"
    assert (await client.refresh(replaced["refresh_token"])).status_code == 200


@pytest.mark.spec("GM 5.2b")
async def test_a_payment_that_was_replaced_is_in_no_token_any_more(bank: Bank, client: PlainClient) -> None:
    payment = {"scope": "openid payments", "resource": [PAYMENTS]}
    first = await granted(client, "create", authorization_details=[PAYMENT], **payment)
    other = {**PAYMENT, "creditorName": "Merchant B"}
    await granted(client, "replace", first["grant_id"], authorization_details=[other], **payment)
    left = await seen(bank, first["access_token"], "payments-api")
    assert left["scope"] == "payments"
    assert "authorization_details" not in left


@pytest.mark.spec("GM 5.2b")
async def test_a_code_from_before_a_replacement_is_worth_nothing(client: PlainClient) -> None:
    grant_id = (await granted(client, "create"))["grant_id"]
    early = await client.code(grant_management_action="merge", grant_id=grant_id)
    late = await client.code(grant_management_action="replace", grant_id=grant_id)
    answer = await client.redeem(early)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await client.redeem(late)).status_code == 200


async def test_a_replaced_grant_without_openid_has_no_user_to_tell_of(client: PlainClient) -> None:
    first = await granted(client, "create")
    assert (await client.userinfo(first["access_token"])).status_code == 200
    await granted(client, "replace", first["grant_id"], scope="accounts")
    assert (await client.userinfo(first["access_token"])).status_code == 403


@pytest.mark.spec("GM 5.2a")
async def test_the_user_sees_what_the_request_changes(bank: Bank, client: PlainClient) -> None:
    first = await granted(client, "create", scope="openid accounts")
    for action, says in (
        ("merge", "This adds to what you granted"),
        ("replace", "This replaces what you granted"),
    ):
        asked = {"scope": "payments", "grant_management_action": action, "grant_id": first["grant_id"]}
        page = await client.follow(await client.authorize(await client.pushed(**asked)))
        assert says in page.text
        assert "Make payments that you approved" in page.text
        assert "See your accounts and balances" in page.text


async def test_a_changed_grant_is_listed_once_and_can_be_ended_there(bank: Bank, client: PlainClient) -> None:
    first = await granted(client, "create", scope="openid accounts")
    await granted(client, "create", scope="payments")
    bank.clock.advance(50)
    merged = await granted(client, "merge", first["grant_id"], scope="payments", resource=[PAYMENTS])
    page = await client.http.get("/grants")
    listed = re.findall(r'name="grant_id" value="([^"]*)"', page.text)
    assert listed[0] == first["grant_id"]
    assert len(listed) == len(set(listed)) == 2
    await client.submit(page, grant_id=first["grant_id"])
    assert (await client.refresh(merged["refresh_token"], resource=ACCOUNTS)).json()[
        "error"
    ] == "invalid_grant"
    assert await seen(bank, first["access_token"]) == {"active": False}


@pytest.mark.spec("GM 5.2a")
async def test_the_user_sees_since_when_there_is_a_grant_and_when_it_was_changed(
    bank: Bank, client: PlainClient
) -> None:
    first = await granted(client, "create", scope="openid accounts")
    page = (await client.http.get("/grants")).text
    assert (
        'Granted on <time datetime="2027-01-15">2027-01-15</time>; ends on <time datetime="2027-04-15">'
        in page
    )
    assert "Changed last" not in page
    bank.clock.advance(86_400)
    await granted(client, "merge", first["grant_id"], scope="payments", resource=[PAYMENTS])
    page = (await client.http.get("/grants")).text
    assert (
        'Granted on <time datetime="2027-01-15">2027-01-15</time>; ends on <time datetime="2027-04-15">'
        in page
    )
    assert 'Changed last on <time datetime="2027-01-16">2027-01-16</time>.' in page
    for more, says in (
        ({}, "You approved something for"),
        (
            {"grant_management_action": "merge", "grant_id": first["grant_id"]},
            "This adds to what you granted",
        ),
    ):
        page = (
            await client.follow(await client.authorize(await client.pushed(scope="payments", **more)))
        ).text
        assert re.search(rf'{says}[^.]* on <time datetime="2027-01-16">', page), page


async def test_a_grant_that_outlives_the_newer_ones_stays_in_the_list(
    bank: Bank, client: PlainClient
) -> None:
    old = await granted(client, "create", scope="openid accounts")
    bank.clock.advance(50 * 86_400)
    await granted(bank.client(), "create", scope="payments")
    bank.clock.advance(30 * 86_400)
    third = bank.client()
    await granted(third, "merge", old["grant_id"], scope="payments", resource=[PAYMENTS])
    bank.clock.advance(11 * 86_400)  # the merged one has ended, the second one has not
    browser = bank.client()
    await browser.code()
    listed = re.findall(r'name="grant_id" value="([^"]*)"', (await browser.http.get("/grants")).text)
    assert len(listed) == 2


@pytest.mark.spec("GM 5.2")
async def test_a_signed_request_may_have_an_action(signing_bank: Bank, signer: PlainClient) -> None:
    for action, error in (("create", None), ("merge", "invalid_request"), (7, "invalid_request")):
        asked = signer.request_object(grant_management_action=action, response_mode="jwt")
        pushed = await signer.push({"request": asked})
        assert pushed.json().get("error") == error, pushed.text
