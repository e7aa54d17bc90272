"""How often a login goes to the store: each trip costs a round trip to Redis or a transaction of SQLite."""

from __future__ import annotations

import pytest

from askit import AuthorizationServer
from tests.askit.bank import Bank
from tests.askit.plain_client import PlainClient, read_callback
from tests.askit.trips import CountingStore

pytestmark = pytest.mark.anyio


def counting(bank: Bank) -> CountingStore:
    store = CountingStore(bank.store)
    bank.server = AuthorizationServer(bank.config, store=store, clock=bank.clock)  # type: ignore[arg-type]
    return store


async def trips_of_a_login(store: CountingStore, client: PlainClient) -> list[str]:
    """The second login of this client: by then the keys are known, and the user has a grant."""
    client.proves = False
    authentication = client.authentication
    uri = await client.pushed()
    proof = client.proof("POST", f"{client.issuer}/token")
    del store.trips[:]
    uri = await client.pushed()
    callback = read_callback(await client.decide(uri))
    answer = await client.token(
        client.code_form(callback["code"]), authentication=authentication(), proof=proof
    )
    assert answer.status_code == 200, answer.text
    return store.trips


async def test_a_login_that_is_approved_at_once() -> None:
    bank = Bank(auto_approve="alice")
    store, client = counting(bank), bank.client()
    await client.tokens()
    assert await trips_of_a_login(store, client) == [
        "add assertion",
        "put request",
        "get request, get request-used",
        "add request-opened",
        "add request-used, get grants-of",
        "put grant, put agreed, put grant-before, swap grants-of, put code",
        "add assertion",
        "get code, get code-used",
        "get grant",
        "add dpop, add code-used, put grant-use, put token, put refresh",
    ]


async def test_a_login_of_a_user_who_is_signed_in() -> None:
    bank = Bank()
    store, client = counting(bank), bank.client()
    await client.tokens()
    assert len(await trips_of_a_login(store, client)) <= 15


async def test_a_login_with_a_password() -> None:
    bank = Bank()
    store, client = counting(bank), bank.client()
    await client.tokens()
    client.http = bank.browser()
    trips = await trips_of_a_login(store, client)
    assert len(trips) <= 27, trips
