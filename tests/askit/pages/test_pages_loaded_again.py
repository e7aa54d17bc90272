"""Pages that are sent twice, loaded again, shared, kept or opened too late: each tells the truth to whom it is due."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from urllib.parse import urlencode

import httpx
import pytest

from askit.users import grants as user_grants
from tests.askit.bank import Bank
from tests.askit.plain_client import PAYMENT, PlainClient

pytestmark = pytest.mark.anyio

NOTHING = "Nothing was granted"


async def consent_page(client: PlainClient, **changes: object) -> httpx.Response:
    page = await client.authorize(await client.pushed(**changes))
    return await client.submit(page, username="alice", password="wonderland")


def address_of(page: httpx.Response) -> str:
    """Where the page of this form can be loaded again."""
    hidden = dict(re.findall(r'name="(client_id|request_uri)" value="([^"]+)"', page.text))
    return f"/interaction?{urlencode({name: unescape(value) for name, value in hidden.items()})}"


@pytest.mark.spec("FAPI2-SP 5.3.2.2 N3")
async def test_what_stands_is_shown_to_who_approved_it(client: PlainClient) -> None:
    consent = await consent_page(client, scope="openid accounts", authorization_details=[PAYMENT])
    await client.submit(consent, decision="approve")
    twice = await client.submit(consent, decision="approve")
    kept = await client.http.get(address_of(consent))
    client.clock.advance(1000)  # longer than a page may be open
    late = await client.http.get(address_of(consent))
    for page in (twice, kept, late):
        assert page.status_code == 400
        for words in ("answered before", "Fintech One", "123.50 EUR", "Merchant A", "See your accounts"):
            assert words in page.text
        assert 'href="/grants"' in page.text
        assert NOTHING not in page.text


async def test_two_approvals_at_once_make_one_grant_and_no_lie(bank: Bank, client: PlainClient) -> None:
    consent = await consent_page(client)
    answers = await asyncio.gather(*(client.submit(consent, decision="approve") for _ in range(2)))
    (refused,) = [answer for answer in answers if answer.status_code != 303]
    assert "answered before" in refused.text
    assert NOTHING not in refused.text
    assert len((await user_grants.grants_of(bank.server.core, "alice"))[0]) == 1


async def test_what_stands_is_not_shown_to_anybody_else(bank: Bank, client: PlainClient) -> None:
    consent = await consent_page(client, authorization_details=[PAYMENT])
    await client.submit(consent, decision="approve")
    stranger, bob = bank.client(), bank.client()
    await bob.submit(await bob.http.get("/grants"), username="bob", password="builder")
    for browser in (stranger, bob):
        shared = await browser.http.get(address_of(consent))
        assert "answered before" in shared.text
        assert "Merchant A" not in shared.text
        assert NOTHING not in shared.text


async def test_a_refused_request_loaded_again_claims_no_grant(client: PlainClient) -> None:
    consent = await consent_page(client)
    await client.submit(consent, decision="deny")
    again = await client.http.get(address_of(consent))
    assert "answered before" in again.text
    assert "it stands" not in again.text


async def test_a_grant_that_was_ended_is_not_said_to_stand(bank: Bank, client: PlainClient) -> None:
    consent = await consent_page(client)
    await client.submit(consent, decision="approve")
    (grant,), _ = await user_grants.grants_of(bank.server.core, "alice")
    await user_grants.end(bank.server.core, grant.grant_id, "alice")
    assert "it stands" not in (await client.http.get(address_of(consent))).text


async def test_the_page_and_the_log_have_one_reference(
    client: PlainClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="askit")
    page = await client.http.get("/authorize?client_id=nobody")
    shown = re.search(r'class="reference">([0-9a-f]{8})<', page.text)
    assert shown
    assert f"(reference {shown[1]}) refused: invalid_request" in caplog.text
    assert "The application sent you here with a request that the bank cannot accept." in page.text
    assert NOTHING in page.text


@pytest.mark.parametrize(
    "path", ["/authorize?client_id=fintech&request_uri=urn:x", "/interaction?client_id=fintech"]
)
async def test_nothing_granted_is_said_only_where_it_is_known(client: PlainClient, path: str) -> None:
    page = await client.http.get(path)
    assert NOTHING not in page.text
    assert 'href="/grants"' in page.text
