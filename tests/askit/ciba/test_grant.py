"""A client polls with its auth_req_id: pending, too fast, refused, lapsed, somebody else's, and the tokens, once."""

from __future__ import annotations

from typing import Any

import pytest

from askit import AuthorizationServer
from askit.decoupled import decisions
from askit.decoupled.waiting import uri_of
from askit.errors import LoginRequired
from askit.records import Session
from askit.requests.request_uris import OpenedRequest, open_waiting_request
from tests.askit.bank import OTHER, Bank
from tests.askit.ciba.asking import GRANT, PING, POLL, PUSH, TOKEN, Asking, a_bank, asking
from tests.askit.decoupled.television import DEVICE_CODE, television
from tests.askit.fapi1.answers import error_of
from tests.askit.plain_client import ACCOUNTS, PAYMENT, PAYMENTS
from tests.keys import a_key, claims_of

pytestmark = pytest.mark.anyio

ALSO: dict[str, Any] = {
    **OTHER,
    "grant_types": POLL["grant_types"],
    "backchannel_token_delivery_mode": "poll",
}


async def opened(bank: Bank, auth_req_id: str, client_id: str = "fintech") -> OpenedRequest:
    core = bank.server.core
    client = await core.clients.find(client_id)
    assert client is not None
    return await open_waiting_request(core, uri_of(auth_req_id), client)


async def decide(bank: Bank, auth_req_id: str, *, approve: bool = True, client_id: str = "fintech") -> None:
    """As the user does on a page that is another's subject."""
    core, request = bank.server.core, await opened(bank, auth_req_id, client_id)
    client = await core.clients.find(client_id)
    assert client is not None
    if not approve:
        await decisions.deny(core, request, client, core.owners(client, "alice"))
        return
    now = core.clock()
    session = Session(username="alice", auth_time=int(now), acr=core.config.acr_levels[0], expires_at=now + 1)
    await decisions.approve(core, request, client, session)


@pytest.fixture
def bank() -> Bank:
    return a_bank(POLL, other=ALSO)


@pytest.fixture
def fintech(bank: Bank) -> Asking:
    return asking(bank)


@pytest.mark.spec("CIBA 10.1a", "CIBA 10.1c", "CIBA 11b", "CIBA 5")
async def test_the_tokens_come_once_the_user_has_approved(bank: Bank, fintech: Asking) -> None:
    auth_req_id = await fintech.started(authorization_details=[PAYMENT], resource=[ACCOUNTS, PAYMENTS])
    assert error_of(await fintech.poll(auth_req_id)) == (400, "authorization_pending", "CIBA 11b")
    await decide(bank, auth_req_id)
    bank.clock.advance(5)
    response = await fintech.poll(auth_req_id, resource=ACCOUNTS)
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["token_type"] == "DPoP"
    id_token = claims_of(body["id_token"])
    assert (id_token["sub"], id_token["aud"]) == ("user-alice", "fintech")
    assert not [name for name in id_token if name.startswith("urn:openid:params:jwt:claim:")]
    refreshed = await fintech.client.refresh(body["refresh_token"], resource=PAYMENTS)
    assert refreshed.json()["authorization_details"][0]["creditorName"] == "Merchant A"
    assert error_of(await fintech.poll(auth_req_id))[:2] == (400, "invalid_grant")


@pytest.mark.spec("CIBA 11b", "CIBA 11a")
async def test_whoever_polls_too_fast_is_slowed_down_for_good(bank: Bank, fintech: Asking) -> None:
    auth_req_id = await fintech.started()
    for wait, code in (
        (0, "authorization_pending"),
        (4, "slow_down"),
        (5, "slow_down"),
        (15, "authorization_pending"),
    ):
        bank.clock.advance(wait)
        assert error_of(await fintech.poll(auth_req_id))[1] == code


@pytest.mark.spec("CIBA 11b")
async def test_a_refusal_and_an_end_are_told(bank: Bank, fintech: Asking) -> None:
    refused, lapsed = await fintech.started(), await fintech.started(requested_expiry="10")
    await decide(bank, refused, approve=False)
    assert error_of(await fintech.poll(refused)) == (400, "access_denied", "CIBA 11b")
    bank.clock.advance(11)
    assert error_of(await fintech.poll(lapsed)) == (400, "expired_token", "CIBA 11b")


@pytest.mark.spec("CIBA 10.1c", "CIBA 11b")
async def test_somebody_elses_id_is_no_grant(bank: Bank, fintech: Asking) -> None:
    auth_req_id, other = await fintech.started(), asking(bank, "other")
    await decide(bank, auth_req_id)
    assert error_of(await other.poll(auth_req_id)) == (400, "invalid_grant", "CIBA 11b")
    assert error_of(await fintech.poll(auth_req_id[:-1] + "x"))[1] == "invalid_grant"
    assert error_of(await fintech.poll(None)) == (400, "invalid_request", "CIBA 10.1a")
    assert (await fintech.poll(auth_req_id)).status_code == 200


async def test_what_a_client_polls_with_is_good_for_its_own_grant_only() -> None:
    """A client that is registered for both grants takes neither request for one of the other kind."""
    bank = a_bank({**POLL, "grant_types": [*POLL["grant_types"], DEVICE_CODE]})
    fintech, device = asking(bank), television(bank, client_id="fintech")
    auth_req_id, codes = await fintech.started(), await device.started()
    await decide(bank, auth_req_id)
    await decide(bank, codes["device_code"])
    as_device = await device.poll({"device_code": auth_req_id})
    assert error_of(as_device) == (400, "invalid_grant", "RFC 8628 3.5")
    assert error_of(await fintech.poll(codes["device_code"])) == (400, "invalid_grant", "CIBA 11b")
    assert (await fintech.poll(auth_req_id)).status_code == 200
    assert (await device.poll(codes)).status_code == 200


@pytest.mark.spec("CIBA 11b")
async def test_a_push_client_does_not_poll() -> None:
    clients = {**PUSH, "grant_types": [*PUSH["grant_types"], GRANT]}
    fintech = asking(a_bank(clients))
    proof = {"proof": True, "client_notification_token": TOKEN}
    auth_req_id = await fintech.started(**proof)
    assert error_of(await fintech.poll(auth_req_id)) == (400, "unauthorized_client", "CIBA 11b")
    without = asking(a_bank(PUSH))
    assert error_of(await without.poll(auth_req_id))[:2] == (400, "unauthorized_client")


async def test_a_ping_client_may_poll(fintech: Asking) -> None:
    bank = a_bank(PING)
    pinged = asking(bank)
    auth_req_id = await pinged.started(client_notification_token=TOKEN)
    assert error_of(await pinged.poll(auth_req_id))[1] == "authorization_pending"


@pytest.mark.spec("RFC 9449 10")
async def test_the_key_of_the_request_is_the_only_one_that_redeems(bank: Bank, fintech: Asking) -> None:
    auth_req_id = await fintech.started(proof=True)
    await decide(bank, auth_req_id)
    wrong = await fintech.poll(auth_req_id, key=a_key("ES256", 12))
    assert error_of(wrong) == (400, "invalid_grant", "RFC 9449 10")
    assert (await fintech.poll(auth_req_id)).status_code == 200


async def test_nobody_else_can_decide_for_the_user_who_is_named(bank: Bank, fintech: Asking) -> None:
    core, request = bank.server.core, await opened(bank, await fintech.started())
    client = await core.clients.find("fintech")
    assert client is not None
    now = core.clock()
    bob = Session(username="bob", auth_time=int(now), acr=core.config.acr_levels[0], expires_at=now + 1)
    with pytest.raises(LoginRequired):
        await decisions.approve(core, request, client, bob)


async def test_a_device_code_and_an_auth_req_id_are_not_exchanged(fintech: Asking) -> None:
    auth_req_id = await fintech.started()
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": auth_req_id}
    assert error_of(await fintech.client.token(form))[1] == "unauthorized_client"


async def test_another_process_over_the_same_store_answers(bank: Bank, fintech: Asking) -> None:
    auth_req_id = await fintech.started()
    await decide(bank, auth_req_id)
    bank.server = AuthorizationServer(bank.config, store=bank.store, clock=bank.clock)
    assert (await asking(bank).poll(auth_req_id)).status_code == 200


# auto_approve


async def test_a_server_that_approves_everything_approves_for_its_user_alone() -> None:
    fintech = asking(a_bank(auto_approve="alice"))
    assert (await fintech.poll(await fintech.started())).status_code == 200
    for_bob = await fintech.started(login_hint="bob")
    assert error_of(await fintech.poll(for_bob))[1] == "authorization_pending"
