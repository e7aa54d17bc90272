"""What a client registers for CIBA, in the configuration or by itself."""

from __future__ import annotations

from typing import Any

import pytest

from askit.errors import InvalidClientMetadata
from fapikit.errors import ConfigurationError
from tests.askit.bank import FINTECH, Bank
from tests.askit.ciba.asking import GRANT, NOTIFIED, PING, POLL, PUSH, SIGNING, TOKEN, Asking, a_bank, asking
from tests.askit.ciba.notified import Notified
from tests.askit.ciba.phone import phone_at, sections
from tests.askit.registering import OPENER, register, update
from tests.keys import a_key

pytestmark = pytest.mark.anyio

MODE, ENDPOINT = "backchannel_token_delivery_mode", "backchannel_client_notification_endpoint"
ALG = "backchannel_authentication_request_signing_alg"
SECRET = {"token_endpoint_auth_method": "client_secret_basic", "client_secret": "s" * 40, "jwks": None}


def without(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


@pytest.mark.parametrize("client", [POLL, PING, PUSH, SIGNING], ids=["poll", "ping", "push", "signing"])
def test_each_mode_can_be_registered(client: dict[str, Any]) -> None:
    a_bank(client)


@pytest.mark.spec("CIBA 4a", "CIBA 4d", "CIBA 7.1a")
@pytest.mark.parametrize(
    ("changes", "told", "clause"),
    [
        ({MODE: "carrier-pigeon"}, "poll, ping, push", "CIBA 4d"),
        ({MODE: None}, MODE, "CIBA 4a"),
        ({MODE: "ping"}, ENDPOINT, "CIBA 4a"),
        ({MODE: "push"}, ENDPOINT, "CIBA 4a"),
        ({MODE: "ping", ENDPOINT: "http://fintech.example.test/notified"}, "https", "CIBA 4a"),
        ({MODE: "ping", ENDPOINT: f"{NOTIFIED}#x"}, "fragment", "CIBA 4a"),
        ({MODE: 7}, "string", "RFC 7591 3.2.2"),
        ({"backchannel_user_code_parameter": "yes"}, "boolean", "RFC 7591 3.2.2"),
        ({ALG: "none"}, "none", "RFC 8725 3.1"),
        ({ALG: "HS256"}, "HS256", "RFC 8725 3.1"),
        ({**SECRET, ALG: "ES256"}, "jwks", "CIBA 4a"),
        ({"token_endpoint_auth_method": "none"}, "authenticates", "CIBA 7.1a"),
    ],
    ids=str,
)
def test_a_registration_with_one_mistake(changes: dict[str, Any], told: str, clause: str) -> None:
    with pytest.raises(InvalidClientMetadata, match=told) as refused:
        a_bank(without({**POLL, **changes}), profile="oauth-2.1")
    assert refused.value.clause == clause


# Clients that register themselves


def open_bank(*grants: str, **changes: Any) -> Bank:
    policy = {"scopes": ["openid", "accounts"], "grant_types": ["authorization_code", *grants]}
    return Bank(initial_access_token=OPENER, registration=policy, **changes)


async def registered(bank: Bank, **changes: Any) -> tuple[dict[str, Any], Asking]:
    response = await register(bank, **changes)
    assert response.status_code == 201, response.text
    body = response.json()
    return body, asking(bank, body["client_id"], key=a_key("ES256", 7))


async def test_a_client_registers_itself_for_ciba_if_the_policy_allows_the_grant() -> None:
    _, newcomer = await registered(open_bank(GRANT), **{"grant_types": [GRANT], MODE: "poll"})
    assert (await newcomer.send()).status_code == 200


@pytest.mark.parametrize("mode", ["poll", "push"])
async def test_without_the_grant_in_the_policy_no_mode_is_registered(mode: str) -> None:
    """Push needs no grant type. It is the same right."""
    notified = {ENDPOINT: NOTIFIED} if mode == "push" else {}
    grants = ["authorization_code", GRANT]
    body, newcomer = await registered(open_bank(), **{"grant_types": grants, MODE: mode, **notified})
    assert MODE not in body
    assert body["grant_types"] == ["authorization_code"]
    assert (await newcomer.refused(client_notification_token=TOKEN))[1] == "unauthorized_client"


async def test_a_policy_that_becomes_narrower_ends_it() -> None:
    bank = open_bank(GRANT)
    _, newcomer = await registered(bank, **{"grant_types": [GRANT, "authorization_code"], MODE: "push",
                                            ENDPOINT: NOTIFIED})  # fmt: skip
    sent: dict[str, Any] = {"client_notification_token": TOKEN, "proof": True}
    assert (await newcomer.send(**sent)).status_code == 200
    narrower = open_bank()
    narrower.server.core.records.store = bank.store
    narrower.clock.now = bank.clock.now
    later = asking(narrower, newcomer.client.client_id, key=newcomer.client.key)
    assert (await later.refused(**sent))[1] == "unauthorized_client"


async def waiting(mode: str) -> tuple[Bank, Notified, dict[str, Any], Asking, str]:
    """A client that registered itself for this mode, and its request, which waits."""
    endpoint = Notified()
    bank = open_bank(GRANT, http=endpoint.http())
    asked = {"grant_types": [GRANT, "authorization_code"], MODE: mode, ENDPOINT: NOTIFIED}
    body, newcomer = await registered(bank, **asked)
    return bank, endpoint, body, newcomer, await newcomer.started(client_notification_token=TOKEN, proof=True)


@pytest.mark.parametrize("mode", ["poll", "ping", "push"])
async def test_what_a_client_may_no_longer_ask_is_not_asked(mode: str) -> None:
    """A push hands out tokens without a token request, so nothing later would look at the right to them."""
    bank, endpoint, body, _, _ = await waiting(mode)
    phone = phone_at(bank)
    before = await phone.look()
    fewer = {"grant_types": ["authorization_code"], MODE: None, ENDPOINT: None}
    assert (await update(bank, body, **fewer)).status_code == 200
    assert (await phone.press(before, "W4SCT")).status_code == 400
    assert sections(await phone.look()) == []
    await endpoint.settled()
    assert endpoint.heard == []


async def test_a_policy_that_becomes_narrower_ends_a_push_that_waits() -> None:
    bank, endpoint, *_ = await waiting("push")
    narrower = open_bank(http=endpoint.http())
    narrower.server.core.records.store = bank.store
    narrower.clock.now = bank.clock.now
    assert sections(await phone_at(narrower).look()) == []


async def test_a_client_that_polls_now_is_not_pinged_and_its_request_goes_on() -> None:
    bank, endpoint, body, newcomer, auth_req_id = await waiting("ping")
    assert (await update(bank, body, **{MODE: "poll", ENDPOINT: None})).status_code == 200
    assert (await phone_at(bank).decide("W4SCT")).status_code == 200
    await endpoint.settled()
    assert endpoint.heard == []
    assert (await newcomer.poll(auth_req_id)).status_code == 200


@pytest.mark.spec("CIBA 10.2a", "OIDC Back-Channel Logout 2.2")
@pytest.mark.parametrize("host", ["10.0.0.7", "localhost", "intranet"])
async def test_a_stranger_does_not_choose_an_inner_address_to_be_called(host: str) -> None:
    bank = open_bank(GRANT, development_only=False, authorization_details_types=[])
    asked = {"grant_types": [GRANT], MODE: "ping", ENDPOINT: f"https://{host}/notified"}
    response = await register(bank, **asked)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")
    assert ENDPOINT in response.json()["error_description"]


@pytest.mark.spec("CIBA 4b", "CIBA 4c")
def test_the_metadata_say_what_this_server_does() -> None:
    told = a_bank(FINTECH).server.metadata()
    assert (
        told["backchannel_authentication_endpoint"] == "https://bank.example.test/backchannel_authentication"
    )
    assert told["backchannel_token_delivery_modes_supported"] == ["ping", "poll", "push"]
    algs = told["backchannel_authentication_request_signing_alg_values_supported"]
    assert algs == told["request_object_signing_alg_values_supported"]
    assert GRANT in told["grant_types_supported"]


@pytest.mark.spec("CIBA 7.3a")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"auth_req_id_lifetime": 1801}, "at most 1800"),
        ({"auth_req_id_lifetime": 8}, "polling_interval = 5"),
        ({"auth_req_id_lifetime": "long"}, "seconds"),
    ],
)
def test_how_long_a_request_may_wait_is_bounded(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        a_bank(**changes)


async def test_how_long_a_request_may_wait_is_a_setting() -> None:
    assert (await asking(a_bank(auth_req_id_lifetime=60)).send()).json()["expires_in"] == 60


def test_an_empty_user_code_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="user_code is empty"):
        a_bank(users=[{"username": "alice", "password": "x", "user_code": ""}])
