"""A JWT cannot lose a part of its rights. So a status list calls it ended when its grant no longer has all of them."""

from __future__ import annotations

import pytest

from fapikit.status_list import INVALID, VALID
from tests.askit.bank import Bank
from tests.askit.grant_management.managing import at_grant, granted, manager
from tests.askit.issuing.test_status_lists import ANEW, status_of
from tests.askit.plain_client import ACCOUNTS, PAYMENTS

pytestmark = pytest.mark.anyio


@pytest.mark.spec("GM 10", "GM 6.5")
async def test_a_jwt_follows_its_grant_by_the_status_list() -> None:
    bank = Bank(status_list_ttl=30)
    client = bank.client()
    first = await granted(client, "create", scope="openid accounts", resource=[ACCOUNTS])
    merged = await granted(client, "merge", first["grant_id"], scope="payments", resource=[PAYMENTS])
    at_accounts = (await client.refresh(merged["refresh_token"], resource=ACCOUNTS)).json()
    for token in (first, at_accounts):
        assert await status_of(client, token["access_token"]) == VALID
    kept = await granted(client, "replace", first["grant_id"], scope="openid accounts", resource=[ACCOUNTS])
    bank.clock.advance(ANEW)
    for token in (first, at_accounts, kept):
        assert await status_of(client, token["access_token"]) == VALID
    await granted(client, "replace", first["grant_id"], scope="openid payments", resource=[PAYMENTS])
    bank.clock.advance(ANEW)
    for token in (first, at_accounts, kept):
        assert await status_of(client, token["access_token"]) == INVALID


@pytest.mark.spec("GM 6.5")
async def test_a_revoked_grant_is_seen_in_the_status_list() -> None:
    bank = Bank(status_list_ttl=30)
    client = bank.client()
    first = await granted(client, "create")
    assert await status_of(client, first["access_token"]) == VALID
    await at_grant(client, "DELETE", first["grant_id"], await manager(client))
    bank.clock.advance(ANEW)
    assert await status_of(client, first["access_token"]) == INVALID
