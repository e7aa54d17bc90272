"""What an attacker tries with clients, codes, proofs and tokens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer
from askit.users.users import Users
from fapikit import MemoryStore
from fapikit.errors import StoreUnavailable
from fapikit.stores.sqlite import SqliteStore
from tests.askit.bank import FINTECH, Bank, an_api
from tests.askit.plain_client import CALLBACK, ISSUER, PAYMENTS, PlainClient, read_callback
from tests.keys import a_key

pytestmark = pytest.mark.anyio

OPEN = {"authorization_details_types": [{"type": "open", "resource": PAYMENTS}]}


# Tokens


@pytest.mark.spec("RFC 9396 6")
async def test_a_detail_asked_for_again_and_again_is_given_once() -> None:
    client = Bank(**OPEN).client()
    detail = {"type": "open", "creditorName": "Charity"}
    tokens = await client.tokens(authorization_details=[detail])
    again = await client.refresh(
        tokens["refresh_token"], authorization_details=[{"type": "open"}] * 500, resource=[PAYMENTS]
    )
    assert again.json()["authorization_details"] == [detail]


@pytest.mark.spec("RFC 9396 7.1")
async def test_without_a_user_there_is_no_consent_to_a_payment(client: PlainClient) -> None:
    payment = {
        "type": "payment_initiation",
        "instructedAmount": {"currency": "EUR", "amount": "123.50"},
        "creditorName": "Mallory",
    }
    response = await client.token({"grant_type": "client_credentials", "authorization_details": [payment]})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_authorization_details")


@pytest.mark.spec("FAPI2-SP 5.4.1-1.2")
async def test_a_client_registered_under_another_profile_keeps_to_this_one(bank: Bank) -> None:
    """The store outlives a change of the configuration."""
    registered = {
        **FINTECH,
        "client_id": "old",
        "token_endpoint_auth_signing_alg": "RS256",
        "jwks": {"keys": [dict(a_key("RS256", 1).public_jwk)]},
    }
    await bank.server.core.registrations.keep(registered, "")
    response = await bank.client("old", key=a_key("RS256", 1)).push()
    assert response.status_code in (400, 401)


async def test_a_code_redeemed_many_times_at_once_gives_one_token_set(tmp_path: Path) -> None:
    bank = Bank()
    store = SqliteStore(tmp_path / "as.db", clock=bank.clock)
    bank.server = AuthorizationServer(bank.config, store=store, clock=bank.clock)
    client = bank.client()
    code = await client.code()
    await client.redeem("warm-up")
    answers = await asyncio.gather(*(client.redeem(code) for _ in range(8)))
    assert [answer.status_code for answer in answers].count(200) <= 1
    for answer in answers:
        if answer.status_code == 200:
            api = bank.client("accounts-api")
            assert (await api.introspect(answer.json()["access_token"])).json() == {"active": False}
    await store.aclose()


async def test_a_proof_for_one_endpoint_serves_at_no_other(client: PlainClient) -> None:
    await client.redeem("warm-up")
    proof = client.proof("POST", f"{ISSUER}/token")
    for host in ("bank.example.test", "bank.example.test/token?", "bank.example.test#"):
        form = {**client.request(), **client.authentication()}
        response = await client.post("/par", form, {"dpop": proof, "host": host})
        assert response.json()["error"] == "invalid_dpop_proof"


# Who proves nothing gets nothing of its own


PUBLIC = {**FINTECH, "token_endpoint_auth_method": "none", "jwks": None}


def _public(client_id: str, **more: object) -> dict[str, object]:
    members = {**PUBLIC, "client_id": client_id, **more}
    return {name: value for name, value in members.items() if value is not None}


@pytest.mark.spec("RFC 6749 4.4")
async def test_a_public_client_has_no_credentials_to_grant_on() -> None:
    bank = Bank(
        profile="oauth-2.1", clients=[_public("app"), an_api("accounts-api", 3), an_api("payments-api", 4)]
    )
    client = bank.client("app")
    response = await client.token(
        {"grant_type": "client_credentials", "scope": "accounts"}, authentication={"client_id": "app"}
    )
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.spec("RFC 7662 2.1")
async def test_introspection_is_for_those_who_prove_who_they_are() -> None:
    """The id of an API is no secret: named alone, it opens nothing."""
    apis = [_public("accounts-api", redirect_uris=None, grant_types=[]), an_api("payments-api", 4)]
    bank = Bank(profile="oauth-2.1", clients=[FINTECH, *apis])
    token = (await bank.client().tokens())["access_token"]
    response = await bank.client().post("/introspect", {"token": token, "client_id": "accounts-api"})
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


# Who shows no more than a name


@pytest.mark.spec("RFC 9700 2.2.2")
async def test_a_public_clients_refresh_token_is_bound_to_a_key_or_rotated() -> None:
    """Whatever the configuration says: a stolen one must not serve thief and owner side by side."""
    apis = [an_api("accounts-api", 3), an_api("payments-api", 4)]
    bank = Bank(profile="oauth-2.1", clients=[_public("fintech"), *apis], refresh_rotation=False)
    client, named = bank.client(), {"client_id": "fintech"}

    async def tokens(*, proof: bool) -> dict[str, Any]:
        pushed = await client.push(authentication=named)
        code = read_callback(await client.decide(pushed.json()["request_uri"]))["code"]
        return (await client.token(client.code_form(code), authentication=named, proof=proof)).json()

    async def refresh(token: str, *, proof: bool) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return await client.token(form, authentication=named, proof=proof)

    bound = (await tokens(proof=True))["refresh_token"]
    assert "refresh_token" not in (await refresh(bound, proof=True)).json()
    assert (await refresh(bound, proof=False)).json()["error"] == "invalid_grant"
    first = (await tokens(proof=False))["refresh_token"]
    second = (await refresh(first, proof=False)).json()["refresh_token"]
    third = (await refresh(second, proof=False)).json()["refresh_token"]
    assert (await refresh(first, proof=False)).json()["error"] == "invalid_grant"
    assert (await refresh(third, proof=False)).json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 8252 8.6")
@pytest.mark.parametrize(
    ("redirect_uri", "public", "answer"),
    [
        ("http://127.0.0.1/cb", True, "error"),
        ("http://127.0.0.1/cb", False, "code"),
        (CALLBACK, True, "code"),
    ],
)
async def test_a_name_on_loopback_gets_nothing_without_asking_the_user(
    redirect_uri: str, public: bool, answer: str
) -> None:
    registered = {**(_public("fintech") if public else FINTECH), "redirect_uris": [redirect_uri]}
    apis = [an_api("accounts-api", 3), an_api("payments-api", 4)]
    client = Bank(profile="oauth-2.1", clients=[registered, *apis]).client(redirect_uri=redirect_uri)
    authentication = {"client_id": "fintech"} if public else None

    async def pushed(**changes: str) -> str:
        response = await client.push(client.request(**changes), authentication=authentication)
        return str(response.json()["request_uri"])

    await client.decide(await pushed())
    silent = await client.authorize(await pushed(prompt="none"))
    assert answer in read_callback(silent, redirect_uri)


# Who has left


async def test_the_grants_of_a_user_who_was_removed_end() -> None:
    """The store outlives the configuration."""
    bank = Bank()
    client = bank.client()
    tokens = await client.tokens()
    code = await client.code()
    users = tuple(user for user in bank.config.users if user.username != "alice")
    bank.server.core.users = Users(users, bank.server.core.users._attempts)
    for answer in (await client.refresh(tokens["refresh_token"]), await client.redeem(code)):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await client.userinfo(tokens["access_token"])).status_code == 401
    seen = await bank.client("accounts-api").introspect(tokens["access_token"])
    assert seen.json() == {"active": False}


@pytest.mark.spec("RFC 7591 3.2.2")
async def test_a_method_that_this_server_cannot_check_is_not_registered() -> None:
    bank = Bank(initial_access_token="open")
    asked = {**FINTECH, "token_endpoint_auth_method": "tls_client_auth"}
    response = await bank.browser().post("/register", json=asked, headers={"authorization": "Bearer open"})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")


# A store that fails


class Failing:
    """A store whose operation number `at` fails."""

    def __init__(self, inner: MemoryStore) -> None:
        self._inner = inner
        self.at = self.done = 0

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._inner, name)

        async def counted(*arguments: Any) -> Any:
            self.done += 1
            if self.done == self.at:
                raise StoreUnavailable("down")
            return await operation(*arguments)

        return counted


async def _call(bank: Bank, step: str, tokens: dict[str, Any], code: str) -> httpx.Response:
    client = bank.client()
    if step == "redeem":
        return await client.redeem(code)
    if step == "refresh":
        return await client.refresh(tokens["refresh_token"])
    if step == "userinfo":
        return await client.userinfo(tokens["access_token"])
    if step == "introspect":
        return await bank.client("accounts-api").introspect(tokens["access_token"])
    return await client.post("/revoke", {"token": tokens["refresh_token"], **client.authentication()})


@pytest.mark.parametrize("step", ["redeem", "refresh", "userinfo", "introspect", "revoke"])
async def test_whichever_store_operation_fails_nothing_is_given(
    step: str, caplog: pytest.LogCaptureFixture
) -> None:
    for at in range(1, 30):
        caplog.clear()
        bank = Bank()
        store = Failing(bank.store)
        bank.server = AuthorizationServer(bank.config, store=store, clock=bank.clock)
        tokens, code = await bank.client().tokens(), await bank.client().code()
        store.at, store.done = at, 0
        response = await _call(bank, step, tokens, code)
        if store.done < at:
            assert (response.status_code, at > 2) == (200, True)
            return
        if "last use was not stored" in caplog.text:  # it decides nothing: the page of grants shows it
            assert response.status_code == 200
            continue
        assert response.status_code == 503
        assert "token" not in response.json()
