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


async def consent_page(client: PlainClient, **changes: Any) -> str:
    page = await client.authorize(await client.pushed(**changes))
    if 'name="password"' in page.text:
        page = await client.submit(page, username="alice", password="wonderland")
    assert 'name="decision"' in page.text
    return page.text


async def test_the_page_of_consent_says_what_was_approved_and_used_before(
    bank: Bank, client: PlainClient
) -> None:
    assert "approved something" not in await consent_page(client)
    await client.decide(await client.pushed())
    page = await consent_page(client)
    assert 'last on <time datetime="2027-01-15">2027-01-15</time>' in page
    assert "Not used so far" in page
    bank.clock.advance(120)
    await client.tokens()
    assert "2027-01-15 08:02 UTC" in await consent_page(client)
    assert "前回の承認日" in await consent_page(client, ui_locales="ja")


async def test_what_another_client_or_user_has_is_not_told(bank: Bank, client: PlainClient) -> None:
    await client.tokens()
    other = bank.client("other")
    assert "approved something" not in await consent_page(other)
    mine = await client.authorize(await client.pushed(prompt="login"))
    page = await client.submit(mine, username="bob", password="builder")
    assert "approved something" not in page.text


async def test_a_store_that_fails_takes_the_note_and_not_the_page(
    bank: Bank, client: PlainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.tokens()
    records = bank.server.core.records
    marked = records.marked

    async def failing(kind: str, *arguments: Any) -> Any:
        if kind == "grants-of":
            raise StoreUnavailable("full")
        return await marked(kind, *arguments)

    monkeypatch.setattr(records, "marked", failing)
    assert "approved something" not in await consent_page(client)
