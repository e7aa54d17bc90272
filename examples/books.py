"""Simulates a bank's core banking system: a file with the books, in which the id of a payment is a unique key."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rskit import Reservation


class Books:
    """The executed payments. Processes and threads may share the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened() as books:
            books.execute("CREATE TABLE IF NOT EXISTS payments (id TEXT PRIMARY KEY, receipt TEXT NOT NULL)")

    def pay(self, reservation: Reservation) -> dict[str, Any]:
        """Execute a payment. Raises sqlite3.IntegrityError for an id that was paid before."""
        receipt = {"payment_id": reservation.id, "status": "executed", **reservation.detail}
        with self._opened() as books:
            books.execute("INSERT INTO payments VALUES (?, ?)", (reservation.id, json.dumps(receipt)))
        return receipt

    def find(self, reservation: Reservation) -> dict[str, Any] | None:
        """The receipt of the payment with this id, or None."""
        with self._opened() as books:
            found = books.execute("SELECT receipt FROM payments WHERE id = ?", (reservation.id,)).fetchone()
        return None if found is None else json.loads(found[0])

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path)
        try:
            with connection:  # one transaction
                yield connection
        finally:
            connection.close()
