"""ID tokens that are exchanged: by their own client, where a table says so, while they and their grant live."""

from __future__ import annotations

import pytest

from tests.askit.bank import OTHER
from tests.askit.grants.exchanging import (
    ACCOUNTS_API,
    OF_FINTECH,
    PAYMENTS_API,
    TYPE,
    a_bank,
    exchanged,
    form,
    login,
    refusal,
)
from tests.keys import a_key, claims_of, mint

pytestmark = pytest.mark.anyio


@pytest.mark.spec("RFC 8693 2.1d")
async def test_an_id_token_stands_for_the_grant_of_its_sign_in() -> None:
    bank = a_bank({"clients": ["fintech"], "token_types": ["access_token", "id_token"]})
    client = bank.client()
    own = await login(client, scope="openid accounts balances")
    bank.clock.advance(200)
    asked = form(own["id_token"], subject_token_type=f"{TYPE}id_token", scope="accounts")
    answer = await client.token(asked)
    assert answer.status_code == 200, answer.text
    assert claims_of(answer.json()["access_token"])["sub"] == "user-alice"
    assert (answer.json()["scope"], answer.json()["expires_in"]) == ("accounts", 100)
    grant_id = claims_of(own["id_token"])["jti"]
    await bank.server.core.records.remove(
        "grant", str(await bank.server.core.records.marked("id-token", grant_id))
    )
    code, why = await refusal(client, asked)
    assert code == "invalid_request"
    assert "has ended" in why


@pytest.mark.parametrize(
    "what", ["expired", "another client's", "forged", "not traceable", "an access token"]
)
async def test_an_id_token_that_is_not_its_clients_own_and_alive_is_refused(what: str) -> None:
    rule = {"clients": ["fintech", "other"], "token_types": ["access_token", "id_token"]}
    other = {**OTHER, "grant_types": OF_FINTECH["grant_types"]}
    bank = a_bank(rule, clients=[OF_FINTECH, other, ACCOUNTS_API, PAYMENTS_API])
    client = bank.client()
    own = await login(client, scope="openid accounts")
    token, asks = own["id_token"], client
    if what == "expired":
        grant_id = await bank.server.core.records.marked("id-token", claims_of(token)["jti"])
        bank.clock.advance(300)
        await bank.server.core.records.mark("id-token", claims_of(token)["jti"], 60, str(grant_id))
    elif what == "another client's":
        asks = bank.client("other")
    elif what == "forged":
        token = mint(claims_of(token), a_key("ES256", 2))
    elif what == "not traceable":
        await bank.server.core.records.remove("id-token", claims_of(token)["jti"])
    else:
        token = own["access_token"]
    code, why = await refusal(asks, form(token, subject_token_type=f"{TYPE}id_token"))
    assert code == "invalid_request"
    assert "unknown here" in why


async def test_no_claim_of_a_user_takes_the_place_of_the_jti() -> None:
    alice = {"username": "alice", "password": "wonderland", "claims": {"jti": "mine"}}
    bank = a_bank({"clients": ["fintech"], "token_types": ["id_token"]}, users=[alice])
    own = await login(bank.client(), claims={"id_token": {"jti": None}})
    assert claims_of(own["id_token"])["jti"] != "mine"
    await exchanged(bank.client(), own["id_token"], subject_token_type=f"{TYPE}id_token")


async def test_an_id_token_has_a_jti_only_where_it_can_be_exchanged() -> None:
    assert "jti" not in claims_of((await login(a_bank().client()))["id_token"])
