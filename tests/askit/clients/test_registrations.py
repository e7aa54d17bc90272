"""How many clients register themselves from one address, of all that may."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from fapikit.errors import StoreUnavailable
from tests.askit.bank import Bank
from tests.askit.registering import OPEN, register

pytestmark = pytest.mark.anyio

HERE, THERE = "192.0.2.1", "198.51.100.7"


def _bank(**limits: int) -> Bank:
    registration = {**OPEN["registration"], "max_clients": 5}
    return Bank(**{**OPEN, "registration": registration}, limits={"registrations_per_address": 3, **limits})


async def _statuses(bank: Bank, address: str, times: int) -> list[int]:
    return [(await register(bank, address=address)).status_code for _ in range(times)]


async def _end(bank: Bank, registered: httpx.Response) -> int:
    token = {"authorization": f"Bearer {registered.json()['registration_access_token']}"}
    path = f"/register/{registered.json()['client_id']}"
    return (await bank.browser().delete(path, headers=token)).status_code


@pytest.mark.spec("RFC 7591 5")
async def test_one_address_has_its_share_and_all_together_a_bound() -> None:
    bank = _bank()
    assert await _statuses(bank, HERE, 4) == [201, 201, 201, 429]
    kept = len(bank.store)
    assert await _statuses(bank, HERE, 3) == [429] * 3
    assert len(bank.store) == kept
    assert await _statuses(bank, THERE, 3) == [201, 201, 503]
    assert await _statuses(bank, HERE, 1) == [503]


async def test_the_addresses_of_one_network_are_one() -> None:
    bank = _bank()
    answers = [await _statuses(bank, f"2001:db8:0:1::{number}", 1) for number in range(1, 5)]
    assert answers == [[201], [201], [201], [429]]
    assert await _statuses(bank, "2001:db8:0:2::1", 1) == [201]


async def test_a_client_that_ends_its_registration_makes_room() -> None:
    bank = _bank()
    first = await register(bank, address=HERE)
    assert await _statuses(bank, HERE, 3) == [201, 201, 429]
    assert await _end(bank, first) == 204
    assert await _statuses(bank, HERE, 2) == [201, 429]


async def test_a_place_whose_client_was_never_kept_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store failed in between."""
    bank = _bank()
    put = bank.store.aput

    async def fails(key: str, *others: Any) -> None:
        if ":client:" in key:
            raise StoreUnavailable("gone")
        await put(key, *others)

    with monkeypatch.context() as broken:
        broken.setattr(bank.store, "aput", fails)
        assert await _statuses(bank, HERE, 3) == [503] * 3
    assert await _statuses(bank, HERE, 4) == [201] * 3 + [429]


async def test_those_that_register_at_once_are_counted_one_by_one() -> None:
    bank = _bank()
    answers = await asyncio.gather(*(register(bank, address=HERE) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 3


async def test_metadata_have_a_length() -> None:
    bank = _bank(registration_octets=1500)
    assert (await register(bank, client_name="x" * 300)).status_code == 201
    refused = await register(bank, client_name="x" * 1500)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    assert "1500 octets" in refused.json()["error_description"]
