"""After the store has forgotten, nothing that was made before is taken for unused; what is made since then is."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from askit.client_check.assertion import MAX_LIFETIME
from tests.askit.bank import FINTECH, Bank, an_api
from tests.askit.ciba.asking import SIGNING, a_bank, asking
from tests.askit.plain_client import read_callback

pytestmark = pytest.mark.anyio

SKEW = 30
PUBLIC = {
    "client_id": "public",
    "redirect_uris": FINTECH["redirect_uris"],
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code"],
}


def forget(bank: Bank) -> None:
    """As a store says that it was emptied just now; what it keeps for less than the window it refuses itself."""
    bank.store.forgot_at = bank.clock()  # type: ignore[attr-defined]


async def _answer(bank: Bank, **claims: Any) -> httpx.Response:
    client = bank.client()
    return await client.push(client.request(), authentication=client.authentication(**claims))


@pytest.mark.parametrize(
    "made, status",
    [
        ({"iat": -300, "exp": 3600}, 503),
        ({"iat": SKEW - 1, "exp": 3600}, 503),
        ({"iat": SKEW + 1, "exp": 3600}, 201),
        ({"iat": None, "exp": 3600}, 503),
        ({"iat": None, "exp": MAX_LIFETIME + SKEW}, 503),
    ],
    ids=str,
)
async def test_a_client_assertion_that_may_have_been_used_is_waited_out(
    made: dict[str, int | None], status: int
) -> None:
    bank = Bank()
    forget(bank)
    forgot_at = int(bank.clock())
    bank.clock.advance(SKEW + 1)
    claims = {name: None if after is None else forgot_at + after for name, after in made.items()}
    answer = await _answer(bank, **claims)
    assert answer.status_code == status, answer.text
    if status == 503:
        assert int(answer.headers["retry-after"]) > 0


@pytest.mark.spec("CIBA 7.1.1b")
@pytest.mark.parametrize(
    "made, status",
    [({"iat": -300, "nbf": -300}, 503), ({"nbf": SKEW - 1}, 503), ({"iat": SKEW - 1}, 503), ({}, 200)],
    ids=str,
)
async def test_a_signed_request_that_may_have_been_used_is_waited_out(
    made: dict[str, int], status: int
) -> None:
    bank = a_bank(SIGNING)
    forget(bank)
    bank.clock.advance(SKEW + 1)
    fintech = asking(bank)
    claims = {name: after - SKEW - 1 for name, after in made.items()}
    answer = await fintech.send({"request": fintech.signed(claims=claims)})
    assert answer.status_code == status, answer.text


async def test_a_request_that_the_browser_carries_is_decided_once_whatever_the_store_forgot() -> None:
    bank = Bank(profile="oauth-2.1", clients=[PUBLIC, an_api("accounts-api", 3), an_api("payments-api", 4)])
    client = bank.client("public")

    async def at_the_decision() -> httpx.Response:
        asked = {**client.request(prompt="consent"), "client_id": "public"}
        page = await client.http.get("/authorize", params=asked)
        page = await client.follow(page)
        if 'name="password"' in page.text:
            page = await client.submit(page, username="alice", password="wonderland")
        return page

    page = await at_the_decision()
    forget(bank)
    assert (await client.submit(page, decision="approve")).status_code == 503
    bank.clock.advance(1)
    page = await at_the_decision()
    assert "code" in read_callback(await client.submit(page, decision="approve"))
