"""The same actions where nobody is redirected: a device, and CIBA by poll and by push."""

from __future__ import annotations

from typing import Any

import pytest

from tests.askit.bank import FINTECH, Bank
from tests.askit.ciba.asking import APIS, POLL, PUSH, asking
from tests.askit.ciba.asking import a_bank as a_ciba_bank
from tests.askit.ciba.test_grant import decide
from tests.askit.ciba.test_ping_and_push import a_notifying_bank, begun
from tests.askit.decoupled.television import DEVICE_CODE, Holder, Television, seen
from tests.askit.grant_management.managing import granted, held
from tests.askit.plain_client import ACCOUNTS, PAYMENTS, PlainClient

pytestmark = pytest.mark.anyio

SCREEN: dict[str, Any] = {**FINTECH, "grant_types": [*FINTECH["grant_types"], DEVICE_CODE]}
PHONE: dict[str, Any] = {**POLL, "client_id": "phone"}


def a_bank(**changes: Any) -> Bank:
    return Bank(clients=[SCREEN, *APIS], **changes)


def screen(bank: Bank) -> Television:
    return Television(http=bank.browser(), clock=bank.clock)


@pytest.mark.spec("GM 5.2", "GM 5.2a", "GM 5.5")
async def test_a_device_creates_a_grant_and_another_one_adds_to_it() -> None:
    bank = a_bank()
    first, second, alice = screen(bank), screen(bank), Holder(bank)
    codes = await first.started(grant_management_action="create")
    await alice.decide(codes["user_code"])
    created = (await first.poll(codes)).json()
    codes = await second.started(
        scope="payments", grant_management_action="merge", grant_id=created["grant_id"]
    )
    page = await Holder.at_consent(alice, await alice.type_code(codes["user_code"]))
    assert "This adds to what you granted" in seen(page)
    await alice.browser.submit(page, decision="approve")
    merged = (await second.poll(codes, resource=PAYMENTS)).json()
    assert merged["grant_id"] == created["grant_id"]
    assert (await first.refresh(created["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await second.refresh(merged["refresh_token"], resource=ACCOUNTS)).status_code == 200


@pytest.mark.spec("GM 5.4")
async def test_a_device_cannot_change_the_grant_of_whoever_does_not_hold_it() -> None:
    bank = a_bank()
    device = screen(bank)
    grant_id = (await granted(bank.client(), "create"))["grant_id"]
    codes = await device.started(grant_management_action="replace", grant_id=grant_id)
    bob = Holder(bank)
    page = await bob.at_consent(await bob.type_code(codes["user_code"]), username="bob", password="builder")
    assert page.status_code == 400
    assert 'name="decision"' not in page.text
    assert await device.told(codes) == "authorization_pending"
    unknown = await device.start(grant_management_action="merge", grant_id="x" * 43)
    assert unknown.json()["error"] == "invalid_grant_id"


@pytest.mark.spec("GM 5.2b")
async def test_a_device_whose_grant_was_replaced_before_it_polls_gets_nothing() -> None:
    bank = a_bank()
    device, alice = screen(bank), Holder(bank)
    grant_id = (await granted(bank.client(), "create"))["grant_id"]
    codes = await device.started(grant_management_action="merge", grant_id=grant_id)
    await alice.decide(codes["user_code"])
    await granted(bank.client(), "replace", grant_id)
    assert await device.told(codes) == "invalid_grant"


async def ciba_tokens(bank: Bank, client: PlainClient, **asked: Any) -> dict[str, Any]:
    requests = asking(bank)
    requests.client = client
    answer = await requests.poll(await requests.started(**asked))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.spec("GM 5.2", "GM 5.5")
async def test_a_ciba_request_has_an_action_too() -> None:
    bank = a_ciba_bank(auto_approve="alice")
    client = bank.client()
    created = await ciba_tokens(bank, client, grant_management_action="create")
    asked = {"grant_management_action": "replace", "grant_id": created["grant_id"]}
    replaced = await ciba_tokens(bank, client, **asked, scope="openid payments")
    assert replaced["grant_id"] == created["grant_id"]
    holds = await held(client, created["grant_id"])
    assert holds["scopes"] == [{"scope": "openid"}, {"scope": "payments", "resource": [PAYMENTS]}]
    assert (await client.refresh(created["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.spec("GM 5.4")
async def test_a_ciba_request_for_another_user_than_that_of_the_grant_is_refused_before_anybody_is_asked() -> (
    None
):
    bank = a_ciba_bank()
    grant_id = (await granted(bank.client(), "create"))["grant_id"]
    for who, expected in (("bob", "invalid_grant_id"), ("alice", None)):
        answer = await asking(bank).send(login_hint=who, grant_management_action="merge", grant_id=grant_id)
        assert answer.json().get("error") == expected
    answer = await asking(bank).send(grant_management_action="merge")
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.spec("GM 5.2")
async def test_a_signed_ciba_request_has_its_action_inside() -> None:
    bank = a_ciba_bank({**POLL, "backchannel_authentication_request_signing_alg": "ES256"})
    requests = asking(bank)
    signed = requests.signed(grant_management_action="merge", grant_id="x" * 43)
    answer = await requests.send({"request": signed})
    assert answer.json()["error"] == "invalid_grant_id"


@pytest.mark.spec("GM 5.2a")
async def test_the_page_of_the_authentication_device_shows_what_is_changed() -> None:
    bank = a_ciba_bank()
    client = bank.client()
    grant_id = (await granted(client, "create"))["grant_id"]
    await asking(bank).started(scope="openid payments", grant_management_action="merge", grant_id=grant_id)
    page = await client.http.get("/authentication_device")
    assert "This adds to what you granted" in seen(page)
    assert "See your accounts and balances" in seen(page)


@pytest.mark.spec("GM 5.2a", "GM 5.5")
async def test_a_push_is_for_the_api_of_its_own_request_though_the_merged_grant_reaches_more() -> None:
    bank, endpoint, fintech = a_notifying_bank(PUSH)
    grant_id = (await granted(bank.client(), "create"))["grant_id"]
    asked = {"grant_management_action": "merge", "grant_id": grant_id, "resource": [PAYMENTS]}
    auth_req_id = await begun(fintech, proof=True, scope="openid payments", **asked)
    await decide(bank, auth_req_id)
    await endpoint.settled()
    (pushed,) = endpoint.heard
    assert (pushed["grant_id"], pushed["scope"]) == (grant_id, "openid payments")
