"""The page that stands for the user's phone: what it shows to whom, and what a decision on it does."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer
from tests.askit.bank import OTHER, Bank
from tests.askit.ciba.asking import GRANT, POLL, Asking, a_bank, asking
from tests.askit.ciba.phone import PATH, Phone, phone_at, sections
from tests.askit.decoupled.machine import SlowStore
from tests.askit.decoupled.television import seen
from tests.askit.fapi1.answers import error_of
from tests.askit.plain_client import ISSUER, PAYMENT
from tests.keys import claims_of

pytestmark = pytest.mark.anyio

ALSO: dict[str, Any] = {
    **OTHER,
    "grant_types": POLL["grant_types"],
    "backchannel_token_delivery_mode": "poll",
}
LEVELS: dict[str, Any] = {
    "acr": ["password", "pin"],
    "users": [
        {"username": "alice", "password": "wonderland", "pin": "4711", "claims": {"sub": "user-alice"}},
        {"username": "bob", "password": "builder"},
    ],
}


@pytest.fixture
def bank() -> Bank:
    return a_bank(POLL, other=ALSO)


@pytest.fixture
def shop(bank: Bank) -> Asking:
    return asking(bank)


@pytest.fixture
def phone(bank: Bank) -> Phone:
    return phone_at(bank)


async def told(shop: Asking, auth_req_id: str) -> str:
    response = await shop.poll(auth_req_id)
    return "tokens" if response.status_code == 200 else str(response.json()["error"])


@pytest.mark.spec("CIBA 7.1e", "FAPI-CIBA 5.2.2-2")
async def test_the_user_sees_who_asks_for_what_and_says_yes(bank: Bank, shop: Asking, phone: Phone) -> None:
    auth_req_id = await shop.started(binding_message="Till <4>: W4SCT", authorization_details=[PAYMENT])
    bank.clock.advance(10)
    page = await phone.look()
    words = seen(page)
    for part in ("Fintech One", "Till &lt;4&gt;: W4SCT", "123.50 EUR", "to Merchant A", "See your accounts"):
        assert part in words, words
    assert "for 9 min 50 s more" in words, words
    assert "This access lasts until 2027-04-15" in words
    last = await phone.press(page, "W4SCT")
    assert "Done" in seen(last)
    assert f'href="{PATH}"' in last.text
    tokens = (await shop.poll(auth_req_id)).json()
    assert claims_of(tokens["id_token"])["sub"] == "user-alice"
    assert sections(await phone.look()) == []


@pytest.mark.spec("CIBA 11b")
async def test_the_user_says_no(shop: Asking, phone: Phone) -> None:
    auth_req_id = await shop.started()
    assert "Refused" in seen(await phone.decide("W4SCT", "deny"))
    assert await told(shop, auth_req_id) == "access_denied"


async def test_one_decision_counts(shop: Asking, phone: Phone) -> None:
    auth_req_id = await shop.started()
    page = await phone.look()
    await phone.press(page, "W4SCT", "deny")
    again = await phone.press(page, "W4SCT")
    assert again.status_code == 400
    assert "answered this already" in seen(again)
    assert await told(shop, auth_req_id) == "access_denied"


@pytest.mark.spec("FAPI-CIBA 7.7")
async def test_only_the_user_who_is_named_sees_and_decides(bank: Bank, shop: Asking, phone: Phone) -> None:
    auth_req_id = await shop.started()
    bob = phone_at(bank, "bob", "builder")
    assert "W4SCT" not in (await bob.look()).text
    # Bob sends the form that Alice sees: first as it is, then with a token of his own browser.
    page = await phone.look()
    (markup,) = sections(page)
    phone.browser.http.cookies, alices = bob.browser.http.cookies, phone.browser.http.cookies
    assert "earlier visit" in seen(await phone.press(page, "W4SCT"))
    phone.browser.http.cookies = alices
    uri = markup.split('name="request_uri" value="')[1].split('"')[0]
    query = {"client_id": "fintech", "request_uri": uri}
    login = await bob.browser.http.get("/interaction", params=query)
    assert 'name="password"' in login.text
    assert "W4SCT" not in login.text
    for decision in ("approve", "deny"):
        forged = login.text.replace("/login", "/decision")
        answer = await bob.browser.submit(type(login)(200, text=forged), decision=decision)
        assert 'name="password"' in answer.text
    for holds in ("yes", "no"):  # nor on the page about devices
        forged = login.text.replace("/login", "/device/confirm")
        answer = await bob.browser.submit(type(login)(200, text=forged), holds=holds)
        assert (answer.status_code, "no request of a device" in answer.text) == (400, True)
    assert await told(shop, auth_req_id) == "authorization_pending"
    assert "Done" in seen(await phone.press(page, "W4SCT"))


async def test_a_form_without_its_token_decides_nothing(shop: Asking, phone: Phone) -> None:
    auth_req_id = await shop.started()
    page = await phone.look()
    broken = type(page)(200, text=page.text.replace('name="csrf" value="', 'name="csrf" value="x'))
    assert (await phone.press(broken, "W4SCT")).status_code == 403
    assert await told(shop, auth_req_id) == "authorization_pending"


@pytest.mark.spec("FAPI-CIBA 5.2.2-7", "RFC 9470 5")
async def test_a_requested_level_is_reached_before_the_decision() -> None:
    bank = a_bank(**LEVELS)
    shop, phone = asking(bank), phone_at(bank)
    auth_req_id = await shop.started(acr_values="pin")
    page = await phone.decide("W4SCT")
    assert 'name="pin"' in page.text
    assert await told(shop, auth_req_id) == "authorization_pending"
    page = await phone.browser.submit(page, pin="4711")
    assert "W4SCT" in page.text  # consent, which shows the message too
    assert "Done" in seen(await phone.browser.submit(page, decision="approve"))
    bank.clock.advance(5)
    assert claims_of((await shop.poll(auth_req_id)).json()["id_token"])["acr"] == "pin"


async def test_newest_first_and_what_has_ended_falls_out(bank: Bank, shop: Asking, phone: Phone) -> None:
    await shop.started(binding_message="first", requested_expiry=30)
    for message in ("second", "third"):
        bank.clock.advance(1)
        await shop.started(binding_message=message)
    page = await phone.look()
    order = [next(word for word in ("first", "second", "third") if word in part) for part in sections(page)]
    assert order == ["third", "second", "first"]
    bank.clock.advance(28)
    assert len(sections(await phone.look())) == 2
    await phone.decide("second", "deny")
    assert len(sections(await phone.look())) == 1
    assert "open for too long" in seen(await phone.press(page, "first"))


@pytest.mark.spec("CIBA 7.1.2")
async def test_nobody_fills_a_users_screen(bank: Bank, shop: Asking, phone: Phone) -> None:
    """Refused until a request is decided or has expired. Other clients and other users are not concerned."""
    for number in range(5):
        await shop.started(binding_message=f"number {number}", requested_expiry=60 if number else 30)
    answer = await shop.send()
    assert error_of(answer) == (429, "temporarily_unavailable", "CIBA 7.1.2")
    assert "retry-after" in answer.headers
    assert "pending_per_user" in answer.json()["error_description"]
    await asking(bank, "other").started()
    await shop.started(login_hint="bob")
    await phone.decide("number 4", "deny")
    await shop.started(binding_message="after a decision")
    assert (await shop.send()).status_code == 429
    bank.clock.advance(30)
    await shop.started(binding_message="after an end")
    assert (await shop.send()).status_code == 429


async def test_a_user_whom_nobody_asks_has_no_limit() -> None:
    shop = asking(a_bank(auto_approve="alice"))
    for _ in range(6):
        assert await told(shop, await shop.started()) == "tokens"


@pytest.mark.spec("CIBA 7.1.2")
async def test_many_clients_do_not_fill_it_either() -> None:
    bank = a_bank(POLL, other=ALSO, limits={"pending_per_user": 2, "pending_per_user_in_all": 3})
    shop, also = asking(bank), asking(bank, "other")
    for each in (shop, shop, also):
        await each.started()
    assert (await also.send()).status_code == 429


async def test_another_process_shows_what_this_one_was_asked(bank: Bank, shop: Asking) -> None:
    auth_req_id = await shop.started()
    bank.server = AuthorizationServer(bank.config, store=bank.store, clock=bank.clock)
    phone = phone_at(bank)
    await phone.decide("W4SCT")
    assert await told(shop, auth_req_id) == "tokens"


async def test_two_processes_do_not_let_more_wait_than_one(bank: Bank) -> None:
    """Each trip to the store takes some turns, so the requests come in between one another."""
    store: Any = SlowStore(bank.store)
    store.turns = (0, 3, 1, 2)
    servers = [AuthorizationServer(bank.config, store=store, clock=bank.clock) for _ in range(2)]
    shops = []
    for server in (*servers, *servers):
        transport = httpx.ASGITransport(app=server, client=("192.0.2.1", 1))
        shops.append(Asking(bank.client(http=httpx.AsyncClient(transport=transport, base_url=ISSUER))))
    answers = await asyncio.gather(*(shop.send() for shop in shops for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 3
    assert len(sections(await phone_at(bank).look())) == 5


@pytest.mark.parametrize(
    "kept",
    [b"{}", b"[]", b'{"requests":{"urn:x":["fintech"]}}', b'{"requests":{"urn:x":["fintech","soon"]}}'],
)
async def test_a_list_that_cannot_be_read_is_no_empty_list(
    bank: Bank, shop: Asking, phone: Phone, kept: bytes
) -> None:
    await shop.started()
    await phone.look()
    (key,) = (key for key in bank.store._entries if ":pending:" in key)
    bank.store.put(key, kept, 60)
    assert (await phone.browser.http.get(PATH)).status_code == 503
    assert (await shop.send()).status_code == 503


async def test_it_looks_again_by_itself_only_while_there_is_nothing_to_press(
    shop: Asking, phone: Phone
) -> None:
    empty = await phone.look()
    assert empty.headers["refresh"] == "10"
    assert "Nothing waits" in empty.text
    await shop.started()
    full = await phone.look()
    assert "refresh" not in full.headers
    assert f'href="{PATH}"' in full.text


async def test_it_is_a_page_like_the_others_in_both_languages(shop: Asking, phone: Phone) -> None:
    await shop.started()
    page = await phone.look()
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    japanese = await phone.browser.http.get(PATH, headers={"accept-language": "ja"})
    assert "承認待ちの要求" in japanese.text
    assert "手続きを始めた画面" in japanese.text


async def test_the_sign_in_leads_back_to_it(phone: Phone) -> None:
    page = await phone.browser.http.get(PATH)
    assert "what waits for your decision" in page.text
    wrong = await phone.browser.submit(page, username="alice", password="wrong")
    assert (wrong.status_code, "what waits for your decision" in wrong.text) == (401, True)
    right = await phone.browser.submit(wrong, username="alice", password="wonderland")
    assert str(right.request.url) == ISSUER + PATH


async def test_clients_are_not_told_of_it(bank: Bank) -> None:
    document = (await bank.browser().get("/.well-known/openid-configuration")).text
    assert "authentication_device" not in document
    assert GRANT in document
