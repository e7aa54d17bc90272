"""What a waiting device is to the store: how many trips, whose share, what if a record is damaged or forgotten."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from askit import AuthorizationServer
from fapikit.stores import Seal, SealedStore
from tests.askit.bank import Bank
from tests.askit.decoupled.television import Holder, a_bank, television
from tests.askit.trips import CountingStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def bank() -> Bank:
    return a_bank()


async def test_how_often_a_poll_goes_to_the_store(bank: Bank) -> None:
    store = CountingStore(bank.store)
    bank.server = AuthorizationServer(bank.config, store=store, clock=bank.clock)  # type: ignore[arg-type]
    await bank.server.start()  # its keys are known
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    await tv.told(codes)
    bank.clock.advance(5)
    read = "get request, get request-used, get request-granted, get request-redeemed, get polls"
    del store.trips[:]
    assert await tv.told(codes) == "authorization_pending"
    assert store.trips == ["add assertion", read, "add dpop, swap polls"]
    await alice.decide(codes["user_code"])
    del store.trips[:]
    assert await tv.told(codes) == "tokens"
    issued = "add dpop, add request-redeemed, put grant-use, put token, put refresh"
    assert store.trips == ["add assertion", read, "get grant", issued]


async def test_every_record_of_a_device_is_counted_against_its_client(bank: Bank) -> None:
    await bank.server.start()
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started(scope="accounts")
    await tv.told(codes)
    await alice.decide(codes["user_code"])
    assert await tv.told(codes) == "tokens"
    refused = await tv.started(scope="accounts")
    await alice.decide(refused["user_code"], "deny")
    kinds = [key.split(":")[2] if key.startswith("as:") else "dpop" for key in bank.store._entries]
    not_its_own = ("keys", "secret", "session", "login-known", "login-failures", "agreed", "grants-of")
    its_own = [kind for kind in kinds if kind not in not_its_own]
    assert bank.server.core.shares._holdings["client", "television"].entries == len(its_own), sorted(its_own)
    assert {"request", "user-code", "request-opened", "request-used", "request-granted", "polls"} <= set(
        its_own
    )


async def test_nothing_of_a_device_is_kept_for_longer_than_it_is_needed(bank: Bank) -> None:
    tv = television(bank)
    codes = await tv.started()
    await tv.told(codes)
    bank.clock.advance(1201)
    kinds = {
        key.split(":")[2] for key in bank.store._entries if bank.store.get(key) and key.startswith("as:")
    }
    assert kinds <= {"keys", "secret", "login-failures"}


async def test_a_sealed_store_shows_nothing_of_a_device() -> None:
    bank = a_bank()
    sealed = SealedStore(bank.store, Seal([b"k" * 32]))
    bank.server = AuthorizationServer(bank.config, store=sealed, clock=bank.clock)
    tv, alice = television(bank, http=bank.browser("198.51.100.77")), Holder(bank)
    codes = await tv.started()
    await alice.decide(codes["user_code"])
    kept = b"".join(value for value, _ in bank.store._entries.values())
    for shown in (codes["user_code"], codes["device_code"], "198.51.100.77", "television", "alice"):
        assert shown.encode() not in kept, shown
    assert await tv.told(codes) == "tokens"


KINDS = ["request", "request-used", "request-granted", "request-redeemed", "polls", "user-code"]
GARBAGE = b"\xff\xfe garbage"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_damaged_record_is_nobodys_fault(bank: Bank, kind: str) -> None:
    """No poll and no page is decided by it."""
    tv, alice = television(bank), Holder(bank)
    pending, approved, redeemed = [await tv.started() for _ in range(3)]
    await tv.told(pending)
    for codes in (approved, redeemed):
        await alice.decide(codes["user_code"])
    await tv.told(redeemed)
    damaged = [key for key in bank.store._entries if key.split(":")[2:3] == [kind]]
    assert damaged
    for key in damaged:
        bank.store._entries[key] = (GARBAGE, bank.store._entries[key][1])
    answers: list[httpx.Response] = [await tv.poll(codes) for codes in (pending, approved, redeemed)]
    answers.append(await alice.scan(pending))
    assert 503 in {answer.status_code for answer in answers}
    given = [answer for answer in answers[:3] if answer.status_code == 200]
    assert len(given) <= 1  # the approved one, if nothing of it is damaged
    for answer in answers:
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0


async def test_a_store_that_forgot_the_decision_decides_nothing_anew(bank: Bank) -> None:
    tv, alice = television(bank), Holder(bank)
    codes = await tv.started()
    page = await alice.at_consent(await alice.scan(codes))
    bank.clock.advance(1)
    bank.store.forgot_at = bank.clock()  # type: ignore[attr-defined]
    assert (await alice.browser.submit(page, decision="approve")).status_code == 503
    assert (await tv.poll(codes)).status_code != 200


async def test_a_device_asks_for_no_more_than_a_record_holds() -> None:
    bank = a_bank(limits={"record_octets": 2000, "registration_octets": 2000})
    detail: dict[str, Any] = {
        "type": "payment_initiation",
        "instructedAmount": {"currency": "EUR", "amount": "1"},
        "creditorName": "x" * 1500,
    }
    answer = await television(bank).start(authorization_details=[detail])
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
