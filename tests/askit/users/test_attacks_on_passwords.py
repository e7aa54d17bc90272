"""What an attacker tries with passwords: to guess one, and to keep its owner out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.requests import Request

from askit import AuthorizationServer
from askit.config.limits import Limits
from askit.config.networks import read_networks
from askit.requests.client_address import client_address
from fapikit.errors import ConfigurationError
from fapikit.stores.sqlite import SqliteStore
from tests.askit.bank import Bank

pytestmark = [pytest.mark.anyio, pytest.mark.spec("FAPI1-BL 5.2.2-11")]

MAX_FAILURES = Limits().wrong_passwords
MAX_FAILURES_OF_PLACE = Limits().wrong_passwords_per_address
MAX_FAILURES_OF_NAME = Limits().wrong_passwords_per_name
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


async def _try(
    bank: Bank,
    *,
    password: str = "wrong",
    username: str = "alice",
    address: str = HOME,
    through: str | None = None,
) -> int:
    """The status of one login, perhaps `through` a proxy; where it succeeds, of the page that follows."""
    client = bank.client(http=bank.browser(address))
    if through is not None:
        client.http.headers["x-forwarded-for"] = through
    page = await client.http.get("/grants")
    answer = await client.submit(page, username=username, password=password)
    return answer.status_code


async def test_five_wrong_passwords_end_the_guessing_for_a_while(bank: Bank) -> None:
    assert [await _try(bank) for _ in range(MAX_FAILURES + 1)] == [401] * MAX_FAILURES + [429]
    assert await _try(bank, password="wonderland") == 429
    assert await _try(bank, username="bob", password="builder") == 200
    bank.clock.advance(301)
    assert await _try(bank, password="wonderland") == 200


async def test_what_stands_for_an_unknown_users_password_opens_nothing(bank: Bank) -> None:
    answers = [await _try(bank, username="nobody", password="-") for _ in range(MAX_FAILURES + 1)]
    assert answers == [401] * MAX_FAILURES + [429]


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


async def test_guesses_at_ever_new_names_do_not_fill_the_store(bank: Bank) -> None:
    """One stranger with one page would else leave a record for each name, until nothing can be kept for anybody."""
    client = bank.client(http=bank.browser(ELSEWHERE))
    page = await client.http.get("/grants")
    for number in range(MAX_FAILURES_OF_PLACE):
        assert (await client.submit(page, username=f"user{number}", password="wrong")).status_code == 401
    kept = len(bank.store)
    for number in range(20):
        assert (await client.submit(page, username=f"name{number}", password="wrong")).status_code == 429
    assert len(bank.store) == kept


FEW = {
    "wrong_passwords": 2,
    "wrong_passwords_per_address": 4,
    "wrong_passwords_per_name": 10,
    "password_counters": 32,
}


async def test_strangers_guesses_fill_a_table_of_bounded_size() -> None:
    """From ever new addresses, at ever new names: what is kept is two rows, and a counter for each user's name."""
    bank = Bank(limits=FEW)
    for number in range(200):
        assert await _try(bank, address=f"203.0.113.{number}", username=f"name{number}") == 401
    await _try(bank, address="203.0.113.201")
    counters = {key: value for key, (value, _) in bank.store._entries.items() if ":login-failures:" in key}
    assert len(counters) == 3
    assert max(map(len, counters.values())) < 16 * 60
    assert b"203.0.113" not in b"".join(counters.values())
    assert await _try(bank, password="wonderland") == 200
    assert [await _try(bank, username="bob") for _ in range(3)] == [401, 401, 429]


async def test_no_flood_makes_the_limit_of_a_users_name_forgotten() -> None:
    bank = Bank(limits=FEW)
    for number in range(5):
        assert await _try(bank, address=f"192.0.2.{10 + number}") == 401
        for other in range(8):
            await _try(bank, address=f"203.0.113.{8 * number + other}", username=f"name{other}")
    guesses = [await _try(bank, address=f"198.51.100.{number}") for number in range(7)]
    assert guesses == [401] * 5 + [429] * 2


async def test_the_latest_addresses_of_a_user_are_known() -> None:
    bank = Bank(limits=FEW)
    for number in range(21):
        assert await _try(bank, password="wonderland", address=f"192.0.2.{number}") == 200
    for number in range(10):
        assert await _try(bank, address=f"203.0.113.{number}") == 401
    latest, oldest = await _try(bank, address="192.0.2.20"), await _try(bank, address="192.0.2.0")
    assert (latest, oldest) == (401, 429)
    kept = [value for key, (value, _) in bank.store._entries.items() if ":login-known:" in key]
    assert len(kept) == 1


async def test_behind_a_proxy_one_customer_does_not_shut_out_the_others() -> None:
    """Without the proxy's word they would all be one place, which fifty wrong passwords close for everybody."""
    bank = Bank(trusted_proxies=["10.0.0.0/8"])
    proxy = "10.0.0.1"
    for number in range(MAX_FAILURES_OF_PLACE):
        # What the caller says of itself stands before what the proxy appends, and changes nothing.
        through = f"203.0.113.{number}, {ELSEWHERE}"
        assert await _try(bank, username=f"user{number}", address=proxy, through=through) == 401
    assert await _try(bank, password="wonderland", address=proxy, through=ELSEWHERE) == 429
    assert await _try(bank, password="wonderland", address=proxy, through=HOME) == 200


def _request(address: str | None, *through: str) -> Request:
    headers = [(b"x-forwarded-for", value.encode()) for value in through]
    return Request({"type": "http", "client": address and (address, 1), "headers": headers})


@pytest.mark.parametrize(
    ("address", "through", "place"),
    [
        ("192.0.2.1", (), "192.0.2.1"),
        ("::ffff:192.0.2.1", (), "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", (), "2001:db8:1:2::/64"),
        ("a-socket", (), "a-socket"),
        ("a-socket", ("192.0.2.1",), "a-socket"),
        (None, (), "unknown"),
        # Only a proxy of ours is believed, and only what it appended.
        ("192.0.2.1", ("198.51.100.7",), "192.0.2.1"),
        ("10.0.0.1", ("198.51.100.7",), "198.51.100.7"),
        ("::ffff:10.0.0.1", ("198.51.100.7",), "198.51.100.7"),
        ("fd00::1", ("2001:db8::1",), "2001:db8::/64"),
        ("10.0.0.1", ("203.0.113.9, 198.51.100.7",), "198.51.100.7"),
        ("10.0.0.1", ("203.0.113.9", "198.51.100.7"), "198.51.100.7"),
        ("10.0.0.1", ("198.51.100.7, 10.0.0.2",), "198.51.100.7"),
        ("10.0.0.1", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.9, 198.51.100.7:5123",), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.9, unknown, 10.0.0.2",), "10.0.0.2"),
    ],
)
def test_where_a_request_comes_from(address: str | None, through: tuple[str, ...], place: str) -> None:
    proxies = read_networks("trusted_proxies", ["10.0.0.0/8", "fd00::/8"])
    assert client_address(_request(address, *through), proxies) == place


def test_a_proxy_that_is_no_address_is_named() -> None:
    with pytest.raises(ConfigurationError, match="trusted_proxies"):
        Bank(trusted_proxies=["proxy.example"])
