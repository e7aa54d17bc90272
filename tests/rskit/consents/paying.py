"""A payments API in a variable: its books, its ledger, and requests that ask it to pay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fapikit import MemoryStore, Store
from fapikit.errors import FapiError
from fapikit.jose.key_set import KeySet
from rskit import Access, ConsentLedger, DetailsType, Issuer, Reservation
from rskit.consents.use import use_consent
from rskit.policy.checked_request import CheckedRequest
from tests.clocks import FrozenClock
from tests.hands import Hand
from tests.rskit.mothers import AS_KEY, a_server, a_token, a_view, allowed, an_issuer

PAYMENT = DetailsType(
    "payment_initiation",
    executed=("instructedAmount", "creditorName", "creditorAccount", "reference"),
    decimals=("instructedAmount.amount",),
)
ORDER: dict[str, Any] = {
    "instructedAmount": {"currency": "EUR", "amount": "12.00"},
    "creditorName": "Shop",
    "creditorAccount": {"iban": "DE02120300000000202051"},
    "reference": "2026-1",
}
DAY = 86_400.0
OTHER_ISSUER = Issuer("https://other.example", keys=KeySet([AS_KEY.public_key]))


class Books:
    """What was paid, by the id of each payment, in the order in which it was. It refuses no id twice: tests count."""

    def __init__(self) -> None:
        self.paid: list[str] = []
        self.asked: list[str] = []

    def pay(self, reservation: Reservation) -> dict[str, Any]:
        self.paid.append(reservation.id)
        return {"status": "executed", "number": len(self.paid), "order": reservation.detail["reference"]}

    def find(self, reservation: Reservation) -> dict[str, Any] | None:
        self.asked.append(reservation.id)
        return {"status": "found"} if reservation.id in self.paid else None


def a_consent(
    name: str, /, *, ends: float | None = 90 * DAY, clock: FrozenClock | None = None, **changes: Any
) -> Any:
    """A granted detail; a change of None takes a member away."""
    now = (clock or FrozenClock())()
    detail = {"type": "payment_initiation", **ORDER, "consent_id": name, **changes}
    if ends is not None:
        detail["consent_expires_at"] = now + ends
    return {name: value for name, value in detail.items() if value is not None}


class Api:
    """One worker of the API."""

    def __init__(
        self,
        *,
        store: Store | None = None,
        books: Books | None = None,
        clock: FrozenClock | None = None,
        **settings: Any,
    ) -> None:
        self.clock = clock or FrozenClock()
        self.books = books or Books()
        self.store = MemoryStore(clock=self.clock) if store is None else store  # an empty one is falsy
        given: dict[str, Any] = {"reconcile": self.books.find, "development_only": store is None, **settings}
        self.ledger = ConsentLedger(self.store, **given)
        self.server = a_server(clock=self.clock, consents=self.ledger, issuers=[an_issuer(), OTHER_ISSUER])

    def admit(
        self,
        *granted: Any,
        order: Any = ORDER,
        key: str | list[str] | None = "key-1",
        kind: DetailsType = PAYMENT,
        **claims: Any,
    ) -> CheckedRequest:
        """A request that has passed its route's Access."""
        claims = {"exp": int(self.clock()) + 300, "iat": int(self.clock()), **claims}
        view = a_view(f"Bearer {a_token(authorization_details=list(granted), **claims)}")
        checked = CheckedRequest(self.server, view, allowed(self.server, view))
        keys = [] if key is None else [key] if isinstance(key, str) else key
        checked.require_details(Access(), kind.needed(order), lambda name: keys)
        return checked

    def pay(self, *granted: Any, execute: Callable[[Reservation], Any] | None = None, **request: Any) -> Any:
        """The outcome, or the name of the error."""
        try:
            return Hand().run(use_consent(self.admit(*granted, **request), execute or self.books.pay))
        except FapiError as error:
            return type(error).__name__
