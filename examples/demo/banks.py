"""The two banks of the demo, as their customers know them: name, colour, logo, and the accounts of alice at each.

She has the same user name at both. A name belongs to the bank that gave it: no API takes one alice for the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from examples.demo.consents import ACCOUNTS, CURRENT, SAVINGS


@dataclass(frozen=True)
class Movement:
    """`cents`: what came in, or went out (negative). `days_ago`: before the demo was started."""

    days_ago: int
    party: str
    text: str
    cents: int


@dataclass(frozen=True)
class Account:
    """`movements` are the newest ones. `cents`: the balance after them."""

    iban: str
    name: str
    cents: int
    movements: tuple[Movement, ...] = ()


@dataclass(frozen=True)
class Bank:
    """`party`: its name in the world and in the trace. `name`: in addresses. `client_id`: the fintech's id there."""

    party: str
    name: str
    title: str
    accent: str
    client_id: str
    person: str
    accounts: tuple[Account, ...] = field(repr=False)
    logo: str = field(repr=False)


_LOGO: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" width="48" height="48">'
    '<rect width="48" height="48" rx="11" fill="#ffffff"/>{}</svg>'
)
_MILL: Final = (
    '<g fill="{colour}"><path d="M18 22h12l3 19H15z"/>'
    '<path d="M24 19 9 12l2-4 14 8zM24 19l15-7-2-4-14 8zM24 19 9 27l2 4 14-9zM24 19l15 8-2 4-14-9z"/></g>'
)
_ANCHOR: Final = (
    '<g fill="none" stroke="{colour}" stroke-width="4" stroke-linecap="round">'
    '<circle cx="24" cy="12" r="4"/><path d="M24 16v24M16 22h16M9 29c1 8 7 11 15 11s14-3 15-11"/></g>'
)


def _cents(amount: str) -> int:
    return int(Decimal(amount) * 100)


OLD_MILL: Final = Bank(
    party="bank",
    name="oldmill",
    title="Old Mill Bank",
    accent="#0b5d4e",
    client_id="fintech",
    person="Alice Example",
    accounts=(
        Account(
            CURRENT,
            str(ACCOUNTS[CURRENT]["name"]),
            _cents(str(ACCOUNTS[CURRENT]["balance"])),
            (
                Movement(1, "Corner Bakery", "Card payment", -640),
                Movement(3, "City Water", "Quarterly bill", -8_215),
                Movement(6, "Example Works plc", "Salary", 312_000),
                Movement(9, "Housing Co-operative", "Rent", -98_000),
            ),
        ),
        Account(
            SAVINGS,
            str(ACCOUNTS[SAVINGS]["name"]),
            _cents(str(ACCOUNTS[SAVINGS]["balance"])),
            (Movement(6, "Alice Example", "Monthly saving", 40_000),),
        ),
    ),
    logo=_LOGO.format(_MILL.format(colour="#0b5d4e")),
)
HARBOUR: Final = Bank(
    party="bank2",
    name="harbour",
    title="Harbour Bank",
    accent="#1d4f91",
    client_id="penny-at-harbour",
    person="Alice M. Example",
    accounts=(
        Account(
            "DE14200411770003141592",
            "Household account",
            81_235,
            (
                Movement(2, "Green Grocer Ltd", "Vegetable box", -3_180),
                Movement(4, "Tram and Ferry", "Monthly ticket", -5_900),
                Movement(8, "Bob Example", "Half of the rent", 49_000),
            ),
        ),
        Account("DE95200411770002718281", "Holiday fund", 310_000, (Movement(5, "Alice", "Saved", 25_000),)),
    ),
    logo=_LOGO.format(_ANCHOR.format(colour="#1d4f91")),
)
BANKS: Final = (OLD_MILL, HARBOUR)
