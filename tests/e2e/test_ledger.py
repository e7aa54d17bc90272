"""The demo's books: a payment is made whole, once, from an account of whoever agreed to it, and never without cover."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from examples.demo.banks import Account, Movement
from examples.demo.ledger import Ledger
from examples.demo.payment import payment
from rskit import NotExecuted, Reservation

OWNER, OTHER = "https://one.example#alice", "https://two.example#alice"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.create()
    ledger.open_accounts(OWNER, [Account("DE1", "Current", 10_000, (Movement(3, "Baker", "Bread", -250),))])
    ledger.open_accounts(OTHER, [Account("DE2", "Current", 10_000)])
    return ledger


def test_a_payment_lowers_the_balance_and_is_the_newest_movement(ledger: Ledger) -> None:
    receipt = ledger.pay(OWNER, Reservation("1", payment("12.5", debtor="DE1")))
    assert (receipt["status"], receipt["payment_id"]) == ("executed", "1")
    account = ledger.account_of(OWNER, "DE1")
    assert account is not None
    assert account["balance"] == "87.50"
    assert [each["amount"] for each in account["movements"]] == ["-12.50", "-2.50"]
    assert ledger.find(Reservation("1", {})) == receipt
    assert ledger.find(Reservation("2", {})) is None


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        (payment("100.01", debtor="DE1"), "the account has EUR 100.00"),
        (payment("1.00", debtor="DE2"), "is not the customer's"),
        (payment("1.00", debtor="DE3"), "is not the customer's"),
    ],
)
def test_what_cannot_be_paid_changes_nothing(ledger: Ledger, detail: dict[str, object], told: str) -> None:
    with pytest.raises(NotExecuted, match=told):
        ledger.pay(OWNER, Reservation("1", detail))
    assert [each["balance"] for owner in (OWNER, OTHER) for each in ledger.accounts_of(owner)] == [
        "100.00"
    ] * 2
    assert ledger.find(Reservation("1", {})) is None


def test_one_id_is_paid_once(ledger: Ledger) -> None:
    reservation = Reservation("1", payment("1.00"))
    ledger.pay(OWNER, reservation)
    with pytest.raises(sqlite3.IntegrityError):
        ledger.pay(OWNER, reservation)
    assert ledger.accounts_of(OWNER)[0]["balance"] == "99.00"


def test_an_account_belongs_to_a_subject_of_one_issuer(ledger: Ledger) -> None:
    assert [each["iban"] for each in ledger.accounts_of(OWNER)] == ["DE1"]
    assert ledger.account_of(OTHER, "DE1") is None
    assert ledger.accounts_of("https://one.example#bob") == []


def test_many_payments_at_once_cannot_take_more_than_there_is(ledger: Ledger) -> None:
    def attempt(number: int) -> bool:
        try:
            ledger.pay(OWNER, Reservation(str(number), payment("30.00")))
        except NotExecuted:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 3
    assert ledger.accounts_of(OWNER)[0]["balance"] == "10.00"
