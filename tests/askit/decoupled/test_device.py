"""Device authorization from the first request to the tokens, over HTTP, with a clock that the test moves."""

from __future__ import annotations

import pytest

from tests.askit.bank import Bank
from tests.askit.decoupled.television import PUBLIC, Holder, a_bank, public_television, seen, television

pytestmark = pytest.mark.anyio


@pytest.fixture
def bank() -> Bank:
    return a_bank()


@pytest.mark.spec("RFC 8628 3.2a", "RFC 8628 3.3b", "RFC 8628 4", "RFC 8628 5.2")
async def test_the_answer_has_what_the_device_shows_and_polls_with(bank: Bank) -> None:
    tv = television(bank)
    metadata = (await tv.http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["device_authorization_endpoint"] == f"{tv.issuer}/device_authorization"
    assert "urn:ietf:params:oauth:grant-type:device_code" in metadata["grant_types_supported"]
    answer = await tv.start()
    assert answer.headers["cache-control"] == "no-store"
    codes = answer.json()
    assert codes["verification_uri"] == f"{tv.issuer}/device"
    assert codes["verification_uri_complete"] == f"{tv.issuer}/device?user_code={codes['user_code']}"
    assert codes["user_code"] not in codes["verification_uri"]
    assert (codes["expires_in"], codes["interval"]) == (600, 5)
    assert len(codes["device_code"]) >= 43


@pytest.mark.spec("RFC 8628 3.3a", "RFC 8628 3.5")
async def test_a_typed_code_ends_in_tokens(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    assert await tv.told(codes) == "authorization_pending"
    last = await alice.decide(codes["user_code"])
    assert last.status_code == 200
    assert "Done" in seen(last)
    bank.clock.advance(5)
    answer = await tv.poll(codes)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert tokens["token_type"] == "DPoP"
    assert tokens["scope"] == "openid accounts"
    assert (await tv.userinfo(tokens["access_token"])).json()["sub"] == "user-alice"
    assert (await tv.refresh(tokens["refresh_token"])).status_code == 200
    assert "id_token" in tokens


@pytest.mark.spec("RFC 8628 3.5")
async def test_a_refusal_is_told(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    last = await alice.decide(codes["user_code"], "deny")
    assert "Refused" in seen(last)
    assert await tv.told(codes) == "access_denied"
    bank.clock.advance(codes["expires_in"] + 1)
    assert await tv.told(codes) == "access_denied"


@pytest.mark.spec("RFC 8628 3.5")
async def test_nobody_decides_in_time(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    page = await alice.at_consent(await alice.type_code(codes["user_code"]))
    bank.clock.advance(codes["expires_in"])
    assert await tv.told(codes) == "expired_token"
    assert (await alice.browser.submit(page, decision="approve")).status_code == 400
    assert await tv.told(codes) == "expired_token"
    assert (await alice.type_code(codes["user_code"])).status_code == 400
    bank.clock.advance(601)
    assert await tv.told(codes) == "invalid_grant"


@pytest.mark.spec("RFC 8628 3.5")
async def test_what_was_approved_in_the_last_second_can_still_be_fetched(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    bank.clock.advance(codes["expires_in"] - 1)
    await alice.decide(codes["user_code"])
    bank.clock.advance(59)
    assert await tv.told(codes) == "tokens"
    late = await tv.started()
    await alice.decide(late["user_code"])
    bank.clock.advance(late["expires_in"])
    assert await tv.told(late) == "expired_token"


@pytest.mark.spec("RFC 8628 3.5")
async def test_each_poll_that_comes_too_early_makes_the_interval_longer(bank: Bank) -> None:
    tv = television(bank)
    codes = await tv.started()
    assert await tv.told(codes) == "authorization_pending"
    bank.clock.advance(4)
    assert await tv.told(codes) == "slow_down"  # ten seconds from now on
    bank.clock.advance(9)
    assert await tv.told(codes) == "slow_down"  # fifteen
    bank.clock.advance(15)
    assert await tv.told(codes) == "authorization_pending"
    bank.clock.advance(15)
    assert await tv.told(codes) == "authorization_pending"


@pytest.mark.spec("RFC 8628 3.5")
async def test_a_decision_is_told_however_early_the_poll_is(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    await tv.told(codes)
    await alice.decide(codes["user_code"])
    assert await tv.told(codes) == "tokens"


@pytest.mark.spec("RFC 9700 4.2.4")
async def test_a_code_is_redeemed_once(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    await alice.decide(codes["user_code"])
    tokens = (await tv.poll(codes)).json()
    bank.clock.advance(60)
    assert await tv.told(codes) == "invalid_grant"
    assert (await tv.refresh(tokens["refresh_token"])).status_code == 200
    bank.clock.advance(1)
    assert await tv.told(codes) == "invalid_grant"  # so late that somebody else may have the code
    assert (await tv.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 8628 3.1b", "RFC 8628 5.6")
async def test_a_public_device(bank: Bank) -> None:
    bank = a_bank(PUBLIC, profile="oauth-2.1")
    tv, alice = public_television(bank, proves=False), Holder(bank)
    codes = await tv.started()
    await alice.decide(codes["user_code"])
    tokens = (await tv.poll(codes)).json()
    assert tokens["token_type"] == "Bearer"
    assert (await tv.refresh(tokens["refresh_token"])).json()["refresh_token"] != tokens["refresh_token"]


async def test_auto_approve_answers_devices_too() -> None:
    bank = a_bank(auto_approve="alice")
    tv = television(bank)
    assert await tv.told(await tv.started()) == "tokens"
