"""A whole payment under FAPI 2 Security, each message by hand."""

from __future__ import annotations

import pytest

from tests.askit.bank import Bank
from tests.askit.plain_client import ACCOUNTS, ISSUER, PAYMENT, PAYMENTS, PlainClient, read_callback
from tests.keys import claims_of, header_of

pytestmark = pytest.mark.anyio


@pytest.mark.spec("FAPI2-SP 5.3.2.2-2")
async def test_a_payment_from_push_to_revocation(bank: Bank, client: PlainClient) -> None:
    request_uri = await client.pushed(
        scope="openid accounts payments", resource=[ACCOUNTS, PAYMENTS], authorization_details=[PAYMENT]
    )
    login = await client.authorize(request_uri)
    consent = await client.submit(login, username="alice", password="wonderland")
    for words in ("Fintech One", "Alice", "Merchant A", "123.50 EUR", "See your accounts and balances"):
        assert words in consent.text
    callback = read_callback(await client.submit(consent, decision="approve"))
    assert callback == {"code": callback["code"], "state": "the-state", "iss": ISSUER}

    first = (await client.redeem(callback["code"], resource=[ACCOUNTS])).json()
    accounts = claims_of(first["access_token"])
    assert header_of(first["access_token"])["typ"] == "at+jwt"
    assert accounts["aud"] == ACCOUNTS
    assert accounts["scope"] == "accounts"
    assert accounts["cnf"] == {"jkt": client.dpop_key.thumbprint}
    assert "authorization_details" not in accounts
    assert "authorization_details" not in first
    assert claims_of(first["id_token"])["nonce"] == "the-nonce"
    assert (await client.userinfo(first["access_token"])).json()["sub"] == "user-alice"

    second = (await client.refresh(first["refresh_token"], resource=[PAYMENTS])).json()
    third = (await client.refresh(first["refresh_token"], resource=[PAYMENTS])).json()
    consent_id = second["authorization_details"][0]["consent_id"]
    until = int(bank.clock() + bank.config.grant_lifetime)
    assert second["authorization_details"] == [
        {**PAYMENT, "consent_id": consent_id, "consent_expires_at": until}
    ]
    assert third["authorization_details"][0]["consent_id"] == consent_id

    api = bank.client("payments-api")
    seen = (await api.introspect(second["access_token"])).json()
    assert seen["active"] is True
    assert seen["aud"] == PAYMENTS
    assert seen["authorization_details"] == second["authorization_details"]
    assert seen["cnf"] == {"jkt": client.dpop_key.thumbprint}

    gone = await client.post("/revoke", {"token": first["refresh_token"], **client.authentication()})
    assert gone.status_code == 200
    assert (await api.introspect(second["access_token"])).json() == {"active": False}
