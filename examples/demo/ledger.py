"""The accounts of both banks with their movements, in a file that both APIs open: one writes payments, one reads.

An account belongs to a subject of one issuer (OIDC 5.7). The id of a payment is a unique key, so none is made twice.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from examples.demo.banks import Account
from rskit import NotExecuted, Reservation

CURRENCY: Final = "EUR"
_TABLES: Final = """
CREATE TABLE accounts (iban TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, cents INTEGER NOT NULL);
CREATE TABLE movements (iban TEXT NOT NULL, day TEXT NOT NULL, party TEXT NOT NULL, text TEXT NOT NULL,
                        cents INTEGER NOT NULL);
CREATE TABLE payments (id TEXT PRIMARY KEY, receipt TEXT NOT NULL);
"""


class Ledger:
    """Processes and threads may share the file. `owner`: an issuer and its subject, as `Token.identity` has them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        with self._opened() as books:
            books.executescript(_TABLES)

    def open_accounts(self, owner: str, accounts: Iterable[Account]) -> None:
        today = dt.datetime.now(dt.UTC).date()
        with self._opened() as books:
            for each in accounts:
                books.execute(
                    "INSERT INTO accounts VALUES (?, ?, ?, ?)", (each.iban, owner, each.name, each.cents)
                )
                for made in reversed(each.movements):
                    day = (today - dt.timedelta(days=made.days_ago)).isoformat()
                    books.execute(
                        "INSERT INTO movements VALUES (?, ?, ?, ?, ?)",
                        (each.iban, day, made.party, made.text, made.cents),
                    )

    def accounts_of(self, owner: str) -> list[dict[str, Any]]:
        """IBAN, name and balance of each account, in the order in which they were opened."""
        with self._opened() as books:
            found = books.execute(
                "SELECT iban, name, cents FROM accounts WHERE owner = ? ORDER BY rowid", (owner,)
            ).fetchall()
        return [
            {"iban": iban, "name": name, "balance": _amount(cents), "currency": CURRENCY}
            for iban, name, cents in found
        ]

    def account_of(self, owner: str, iban: str) -> dict[str, Any] | None:
        """One account with its movements, the newest first. None: this owner has no such account."""
        account = next((each for each in self.accounts_of(owner) if each["iban"] == iban), None)
        if account is None:
            return None
        with self._opened() as books:
            found = books.execute(
                "SELECT day, party, text, cents FROM movements WHERE iban = ? ORDER BY rowid DESC", (iban,)
            ).fetchall()
        movements = [
            {"date": day, "party": party, "text": text, "amount": _amount(cents)}
            for day, party, text, cents in found
        ]
        return {**account, "movements": movements}

    def pay(self, owner: str, reservation: Reservation) -> dict[str, Any]:
        """Make a payment, whole or not at all.

        Raises NotExecuted, and sqlite3.IntegrityError for an id that was paid before.
        """
        detail = reservation.detail
        cents = int(Decimal(detail["instructed_amount"]["amount"]) * 100)
        with self._opened() as books:
            books.execute(
                "BEGIN IMMEDIATE"
            )  # nobody else may pay between the look at the balance and the payment
            iban, balance = self._debtor(books, owner, detail.get("debtor_account"))
            if cents > balance:
                raise NotExecuted(f"the account has {CURRENCY} {_amount(balance)}, which is not enough")
            receipt = {
                **detail,
                "payment_id": reservation.id,
                "status": "executed",
                "debtor_account": {"iban": iban},
            }
            books.execute("INSERT INTO payments VALUES (?, ?)", (reservation.id, json.dumps(receipt)))
            books.execute("UPDATE accounts SET cents = cents - ? WHERE iban = ?", (cents, iban))
            books.execute(
                "INSERT INTO movements VALUES (?, ?, ?, ?, ?)",
                (
                    iban,
                    dt.datetime.now(dt.UTC).date().isoformat(),
                    detail["creditor_name"],
                    detail["remittance_information"],
                    -cents,
                ),
            )
        return receipt

    def find(self, reservation: Reservation) -> dict[str, Any] | None:
        """The receipt of the payment with this id, or None."""
        with self._opened() as books:
            found = books.execute("SELECT receipt FROM payments WHERE id = ?", (reservation.id,)).fetchone()
        return None if found is None else json.loads(found[0])

    def _debtor(self, books: sqlite3.Connection, owner: str, named: Any) -> tuple[str, int]:
        """IBAN and balance of the account that pays: the named one, else the owner's first one."""
        found = books.execute(
            "SELECT iban, cents FROM accounts WHERE owner = ? AND iban = coalesce(?, iban) ORDER BY rowid LIMIT 1",
            (owner, None if named is None else named["iban"]),
        ).fetchone()
        if found is None:
            raise NotExecuted("the account that should pay is not the customer's")
        return found[0], found[1]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path)
        try:
            with connection:  # one transaction
                yield connection
        finally:
            connection.close()


def _amount(cents: int) -> str:
    return f"{Decimal(cents) / 100:.2f}"
