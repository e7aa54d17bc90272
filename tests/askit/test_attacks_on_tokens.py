"""What an attacker tries with passwords, clients, codes, proofs and tokens."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from askit import AuthorizationServer
from askit.users import MAX_FAILURES
from fapikit.stores.sqlite import SqliteStore
from tests.askit.bank import FINTECH, Bank
from tests.askit.plain_client import ISSUER, PAYMENTS, PlainClient
from tests.keys import a_key

pytestmark = pytest.mark.anyio

OPEN = {"authorization_details_types": [{"type": "open", "resource": PAYMENTS}]}


# Guessing


@pytest.mark.spec("FAPI1-BL 5.2.2-11")
async def test_passwords_guessed_at_once_are_counted_one_by_one(tmp_path: Path) -> None:
    """Each guess reads the counter before any has written it: fifty at once must not all be answered."""
    bank = Bank()
    store = SqliteStore(tmp_path / "as.db", clock=bank.clock)
    bank.server = AuthorizationServer(bank.config, store=store, clock=bank.clock)
    client = bank.client()
    page = await client.authorize(await client.pushed())
    guesses = [client.submit(page, username="alice", password=f"guess{n}") for n in range(30)]
    answers = [answer.status_code for answer in await asyncio.gather(*guesses)]
    await store.aclose()
    assert answers.count(401) <= MAX_FAILURES
    assert set(answers) == {401, 429}


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
    await bank.server.clients.register(registered, 3600)
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
