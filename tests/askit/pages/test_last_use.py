"""The page of grants says when each was last used, as far as the server sees it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fapikit.errors import StoreUnavailable
from tests.askit.bank import Bank
from tests.askit.plain_client import PlainClient, read_callback

pytestmark = pytest.mark.anyio


async def grants_page(client: PlainClient) -> str:
    page: httpx.Response = await client.http.get("/grants")
    assert page.status_code == 200
    return page.text


async def test_a_grant_is_not_used_before_a_token_is_issued(client: PlainClient) -> None:
    read_callback(await client.decide(await client.pushed()))
    page = await grants_page(client)
    assert "Not used so far" in page
    assert "Last used" not in page


async def test_issuing_refreshing_and_introspecting_are_uses(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    assert 'on <time datetime="2027-01-15 08:00Z">2027-01-15 08:00 UTC' in await grants_page(client)
    bank.clock.advance(120)
    assert (await bank.client("accounts-api").introspect(tokens["access_token"])).json()["active"]
    assert "2027-01-15 08:02 UTC" in await grants_page(client)
    bank.clock.advance(120)
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200
    assert "2027-01-15 08:04 UTC" in await grants_page(client)


async def test_what_an_api_may_not_see_is_no_use(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    bank.clock.advance(120)
    assert not (await bank.client("payments-api").introspect(tokens["access_token"])).json()["active"]
    assert "2027-01-15 08:00 UTC" in await grants_page(client)


async def test_a_store_that_cannot_keep_it_costs_nothing_else(
    bank: Bank, client: PlainClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = await client.tokens()
    bank.clock.advance(120)
    records = bank.server.core.records
    swap = records.swap

    async def failing(kind: str, *arguments: Any) -> bool:
        if kind == "grant-use":
            raise StoreUnavailable("full")
        return await swap(kind, *arguments)

    monkeypatch.setattr(records, "swap", failing)
    assert (await bank.client("accounts-api").introspect(tokens["access_token"])).json()["active"]
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200
    assert "last use was not stored" in caplog.text
