"""Each fault reaches the message it is named for, and no other; without faults the server keeps every rule."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from askit.decoupled import decisions
from askit.decoupled.waiting import uri_of
from askit.pytest_plugin.faults import PLACES, FaultyServer, broken_signature, resigned, unsigned
from askit.requests.request_uris import open_waiting_request
from fapikit.urns import DEVICE_CODE
from tests.askit.bank import Bank, an_api
from tests.askit.ciba.asking import NOTIFIED, PING, TOKEN, Asking
from tests.askit.grant_management.managing import at_grant, manager
from tests.askit.hearer import Hearer, hearing
from tests.askit.plain_client import PlainClient, read_callback
from tests.keys import a_key, claims_of, header_of

pytestmark = pytest.mark.anyio

SIGNED = "application/token-introspection+jwt"
Message = dict[str, Any]


class Told(Hearer):
    """Hears of decisions too."""

    def _hear(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) != NOTIFIED:
            return super()._hear(request)
        self.heard.append(json.loads(request.content))
        return httpx.Response(204)


@pytest.fixture
def hearer() -> Hearer:
    return Told()


@pytest.fixture
def bank(hearer: Hearer) -> Bank:
    """A bank whose server can be told to break rules; UserInfo is signed for this client, which hears of logouts."""
    clients = [
        {
            **hearing(PING),
            "userinfo_signed_response_alg": "ES256",
            "grant_types": [*PING["grant_types"], DEVICE_CODE],
        },
        an_api("accounts-api", 3),
        an_api("payments-api", 4),
    ]
    bank = Bank(clients=clients)
    bank.server = FaultyServer(bank.config, store=bank.store, clock=bank.clock, http=hearer.http())
    return bank


@pytest.fixture
def faults(bank: Bank) -> Any:
    assert isinstance(bank.server, FaultyServer)
    return bank.server.faults


async def _messages(bank: Bank, hearer: Hearer) -> dict[str, Any]:
    """One message of every kind, by the place where a fault would change it."""
    client = bank.client()
    metadata = (await client.http.get("/.well-known/oauth-authorization-server")).json()
    asked_for = await client.pushed(grant_management_action="create")
    plain = read_callback(await client.decide(asked_for))
    signed = read_callback(await client.decide(await client.pushed(response_mode="jwt")))
    tokens = (await client.redeem(plain["code"])).json()
    userinfo = (await client.userinfo(tokens["access_token"])).text
    told = await bank.client("accounts-api").introspect(tokens["access_token"], accept=SIGNED)
    grant = await at_grant(client, "GET", tokens["grant_id"], await manager(client))
    await client.submit(await client.http.get("/end_session"))
    logout = hearer.heard[-1]
    asked = (await Asking(client).send(client_notification_token=TOKEN)).json()
    started = await client.post("/device_authorization", {"scope": "openid", **client.authentication()})
    return {
        "backchannel_authentication_response": asked,
        "device_authorization_response": started.json(),
        "notification": await _notified(bank, hearer, asked["auth_req_id"]),
        "grant": grant.json(),
        "metadata": metadata,
        "jwks": (await client.http.get("/jwks")).json(),
        "authorization_response": plain,
        "token_response": tokens,
        "jarm": claims_of(signed["response"]),
        "id_token": claims_of(tokens["id_token"]),
        "access_token": claims_of(tokens["access_token"]),
        "userinfo": claims_of(userinfo),
        "introspection": claims_of(told.text)["token_introspection"],
        "logout_token": logout,
    }


async def _notified(bank: Bank, hearer: Hearer, auth_req_id: str) -> Message:
    """What the client is told of a refusal."""
    core = bank.server.core
    client = await core.clients.find("fintech")
    assert client is not None
    opened = await open_waiting_request(core, uri_of(auth_req_id), client)
    await decisions.deny(core, opened, client, client.owners)
    for _ in range(50):
        await asyncio.sleep(0)
    return hearer.heard[-1]


@pytest.mark.parametrize("place", sorted(place for place in PLACES if "." not in place))
async def test_a_fault_changes_its_own_message(bank: Bank, hearer: Hearer, faults: Any, place: str) -> None:
    faults[place] = lambda message: {**message, "fault": "here"}
    for name, message in (await _messages(bank, hearer)).items():
        assert ("fault" in message) == (name == place), name
    del faults[place]
    assert "fault" not in (await _messages(bank, hearer))[place]


async def _jwts(bank: Bank, hearer: Hearer) -> dict[str, str]:
    client = bank.client()
    signed = read_callback(await client.decide(await client.pushed(response_mode="jwt")))
    tokens = (await client.redeem(claims_of(signed["response"])["code"])).json()
    told = await bank.client("accounts-api").introspect(tokens["access_token"], accept=SIGNED)
    await client.submit(await client.http.get("/end_session"))
    return {
        "jarm.jwt": signed["response"],
        "id_token.jwt": tokens["id_token"],
        "access_token.jwt": tokens["access_token"],
        "userinfo.jwt": (await client.userinfo(tokens["access_token"])).text,
        "introspection.jwt": told.text,
        "logout_token.jwt": hearer.tokens[-1],
    }


@pytest.mark.parametrize("place", sorted(place for place in PLACES if "." in place))
async def test_a_fault_changes_its_own_jwt(bank: Bank, hearer: Hearer, faults: Any, place: str) -> None:
    faults[place] = unsigned
    for name, jwt in (await _jwts(bank, hearer)).items():
        assert (header_of(jwt)["alg"] == "none") == (name == place), name


def _tampered(change: Callable[[str], str]) -> tuple[str, str]:
    jwt = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    return jwt, change(jwt)


def test_the_helpers_change_what_they_say_and_keep_the_claims() -> None:
    for change in (unsigned, broken_signature, resigned(a_key("Ed25519", 9), kid=None, typ="at+jwt")):
        before, after = _tampered(change)
        assert after != before
        assert claims_of(after) == claims_of(before)
    assert unsigned(before).endswith(".")
    assert broken_signature(broken_signature(before)) == before
    header = header_of(after)
    assert (header["alg"], header["typ"], "kid" in header) == ("Ed25519", "at+jwt", False)


async def test_an_unknown_place_is_refused(faults: Any) -> None:
    with pytest.raises(KeyError, match="metadata"):
        faults["meta_data"] = lambda message: message


async def test_nonces_can_be_off(bank: Bank, faults: Any) -> None:
    faults.nonces = "never"
    client = bank.client()
    await client.tokens()
    assert client.nonce is None


async def test_nonces_can_change_with_each_answer(bank: Bank, faults: Any) -> None:
    faults.nonces = "each_call"
    client = bank.client()
    tokens = await client.tokens()
    seen = {client.nonce}
    for _ in range(3):
        await client.refresh(tokens["refresh_token"])
        seen.add(client.nonce)
    assert len(seen) == 4
    client.nonce = min(nonce for nonce in seen if nonce and nonce != client.nonce)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    old = await client.token(form, proof=client.proof("POST", f"{client.issuer}/token"))
    assert old.json()["error"] == "use_dpop_nonce"


async def test_headers_and_calls(bank: Bank, faults: Any) -> None:
    faults.headers["x-odd"] = "1"
    client: PlainClient = bank.client()
    assert (await client.http.get("/jwks")).headers["x-odd"] == "1"
    assert faults.calls == [("GET", "/jwks")]
    faults.clear()
    assert "x-odd" not in (await client.http.get("/jwks")).headers


async def test_without_faults_it_is_the_same_server(bank: Bank, hearer: Hearer) -> None:
    messages = await _messages(bank, hearer)
    assert messages["id_token"]["iss"] == messages["metadata"]["issuer"] == bank.config.issuer
    assert set(messages["authorization_response"]) == {"code", "state", "iss"}
