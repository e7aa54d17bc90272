"""Each fault reaches the message it is named for, and no other; without faults the server keeps every rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from askit.pytest_plugin.faults import PLACES, FaultyServer, broken_signature, resigned, unsigned
from tests.askit.bank import FINTECH, Bank, an_api
from tests.askit.hearer import Hearer, hearing
from tests.askit.plain_client import PlainClient, read_callback
from tests.keys import a_key, claims_of, header_of

pytestmark = pytest.mark.anyio

SIGNED = "application/token-introspection+jwt"
Message = dict[str, Any]


@pytest.fixture
def hearer() -> Hearer:
    return Hearer()


@pytest.fixture
def bank(hearer: Hearer) -> Bank:
    """A bank whose server can be told to break rules; UserInfo is signed for this client, which hears of logouts."""
    clients = [
        {**hearing(FINTECH), "userinfo_signed_response_alg": "ES256"},
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
    plain = read_callback(await client.decide(await client.pushed()))
    signed = read_callback(await client.decide(await client.pushed(response_mode="jwt")))
    tokens = (await client.redeem(plain["code"])).json()
    userinfo = (await client.userinfo(tokens["access_token"])).text
    told = await bank.client("accounts-api").introspect(tokens["access_token"], accept=SIGNED)
    await client.submit(await client.http.get("/end_session"))
    return {
        "metadata": metadata,
        "jwks": (await client.http.get("/jwks")).json(),
        "authorization_response": plain,
        "token_response": tokens,
        "jarm": claims_of(signed["response"]),
        "id_token": claims_of(tokens["id_token"]),
        "access_token": claims_of(tokens["access_token"]),
        "userinfo": claims_of(userinfo),
        "introspection": claims_of(told.text)["token_introspection"],
        "logout_token": hearer.heard[-1],
    }


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
