"""A payment in a process of its own, which waits to be killed before it has paid, or after; and books in a file.

Its idempotency key is CONSENT-1.

usage: python -m tests.rskit.consents.payer STORE BOOKS CONSENT before|after
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from fapikit import Store, store_from_url
from fapikit.errors import FapiError
from fapikit.io import AsyncDriver, SyncDriver
from rskit import Reservation
from rskit.consents.use import use_consent
from rskit.policy.checked_request import CheckedRequest
from tests.rskit.consents.paying import Api, a_consent


class File:
    """Books that all processes share: a line for each payment, in a file that is only ever appended to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def pay(self, reservation: Reservation) -> dict[str, Any]:
        line = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        os.write(line, reservation.id.encode() + b"\n")
        os.close(line)
        return {"paid": reservation.id}

    async def apay(self, reservation: Reservation) -> dict[str, Any]:
        await asyncio.sleep(0)
        return self.pay(reservation)

    def find(self, reservation: Reservation) -> dict[str, Any] | None:
        return {"paid": reservation.id} if reservation.id in self.paid else None

    @property
    def paid(self) -> list[str]:
        return self._path.read_text().splitlines()


def a_worker(store: Store, file: File) -> Api:
    return Api(store=store, reconcile=file.find)


def attempt(api: Api, file: File, *consents: str, key: str, face: str = "sync") -> Any:
    """The outcome, or the name of the error."""
    checked = api.admit(*(a_consent(name) for name in consents), key=key)
    try:
        if face == "sync":
            return SyncDriver().run(use_consent(checked, file.pay))
        return asyncio.run(_attempt(api, checked, file))
    except FapiError as error:
        return type(error).__name__


async def _attempt(api: Api, checked: CheckedRequest, file: File) -> Any:
    try:
        return await AsyncDriver().run(use_consent(checked, file.apay))
    finally:
        if hasattr(api.store, "aclose"):
            await api.store.aclose()


def main(url: str, books: str, consent: str, when: str) -> None:
    file = File(Path(books))
    api = a_worker(store_from_url(url), file)

    def hang(reservation: Reservation) -> None:
        if when == "after":
            file.pay(reservation)
        print("here", flush=True)
        sys.stdin.read()

    SyncDriver().run(use_consent(api.admit(a_consent(consent), key=f"{consent}-1"), hang))


if __name__ == "__main__":
    main(*sys.argv[1:])
