"""What an attacker tries with passwords: to guess one, and to keep its owner out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from askit import AuthorizationServer
from askit.users import MAX_FAILURES, MAX_FAILURES_OF_NAME, MAX_FAILURES_OF_PLACE, place_of
from fapikit.stores.sqlite import SqliteStore
from tests.askit.bank import Bank

pytestmark = [pytest.mark.anyio, pytest.mark.spec("FAPI1-BL 5.2.2-11")]

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


async def _try(bank: Bank, *, password: str = "wrong", username: str = "alice", address: str = HOME) -> int:
    """The status of one login; 303 is a success."""
    client = bank.client(http=bank.browser(address))
    page = await client.http.get("/grants")
    answer = await client.submit(page, username=username, password=password)
    return answer.status_code


async def test_five_wrong_passwords_end_the_guessing_for_a_while(bank: Bank) -> None:
    assert [await _try(bank) for _ in range(MAX_FAILURES + 1)] == [401] * MAX_FAILURES + [429]
    assert await _try(bank, password="wonderland") == 429
    assert await _try(bank, username="bob", password="builder") == 200
    bank.clock.advance(301)
    assert await _try(bank, password="wonderland") == 200


async def test_a_stranger_does_not_lock_the_user_out(bank: Bank) -> None:
    assert [await _try(bank, address=ELSEWHERE) for _ in range(MAX_FAILURES + 1)][-1] == 429
    assert await _try(bank, password="wonderland") == 200


async def test_guesses_at_once_in_two_processes_are_counted_together(tmp_path: Path) -> None:
    """Each guess reads the count before any has written it: of thirty no more than five may be answered."""
    bank = Bank()
    stores = [SqliteStore(tmp_path / "as.db", clock=bank.clock) for _ in range(2)]
    pages = []
    for store in stores:
        bank.server = AuthorizationServer(bank.config, store=store, clock=bank.clock)
        client = bank.client()
        pages.append((client, await client.http.get("/grants")))
    guesses = [
        client.submit(page, username="alice", password=f"guess{n}")
        for n in range(15)
        for client, page in pages
    ]
    answers = [answer.status_code for answer in await asyncio.gather(*guesses)]
    for store in stores:
        await store.aclose()
    assert answers.count(401) == MAX_FAILURES
    assert set(answers) == {401, 429}


async def test_many_names_from_one_place_are_throttled_too(bank: Bank) -> None:
    for number in range(MAX_FAILURES_OF_PLACE):
        assert await _try(bank, username=f"user{number}") == 401
    assert await _try(bank, password="wonderland") == 429
    assert await _try(bank, password="wonderland", address=ELSEWHERE) == 200


async def test_one_name_from_many_places_is_throttled_except_where_its_user_signed_in_before(
    bank: Bank,
) -> None:
    assert await _try(bank, password="wonderland") == 200
    for number in range(MAX_FAILURES_OF_NAME):
        assert await _try(bank, address=f"203.0.113.{number}") == 401
    assert await _try(bank, password="wonderland", address=ELSEWHERE) == 429
    assert await _try(bank, password="wonderland") == 200


async def test_a_right_password_is_not_counted(bank: Bank) -> None:
    for _ in range(2):
        for _ in range(MAX_FAILURES - 1):
            assert await _try(bank) == 401
        assert await _try(bank, password="wonderland") == 200
    for _ in range(MAX_FAILURES_OF_PLACE):
        assert await _try(bank, username="bob", password="builder") == 200


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_a_host_with_a_network_of_its_own_is_one_place(address: str, place: str) -> None:
    assert place_of(address) == place
