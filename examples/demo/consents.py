"""What the parties know of consents to single accounts: the type of the detail, and the accounts themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

from rskit import DetailsType

CURRENT: Final = "DE89370400440532013000"
SAVINGS: Final = "DE75512108001245126199"
ACCOUNTS: Final = {
    CURRENT: {"iban": CURRENT, "name": "Current account", "balance": "2450.10", "currency": "EUR"},
    SAVINGS: {"iban": SAVINGS, "name": "Savings", "balance": "18000.00", "currency": "EUR"},
}
"""The accounts of alice."""

TYPE: Final = "account_information"
END_MEMBER: Final = "valid_until"
DURATIONS: Final = {"7776000": "90 days", "2592000": "30 days", "60": "one minute, to see how it ends"}
"""What the app offers: seconds, and their name."""
LODGED_TYPE: Final = "account_access"
"""The same, as banks without RAR have it: lodged before the customer is asked, in the shape of the Berlin Group."""
LODGED_AT: Final = "/v1/consents"
_ACTION: Final = "read balance"

ACCOUNT_INFORMATION: Final = DetailsType(
    TYPE,
    executed=("actions", "accounts"),
    sets=("actions", "accounts"),
    consent_expires_at=END_MEMBER,
)
"""How the API compares: a request may be for some of the granted accounts, until the consent to them ends."""

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {"const": TYPE},
        "actions": {"type": "array", "items": {"enum": [_ACTION]}, "minItems": 1, "uniqueItems": True},
        END_MEMBER: {"type": "string", "format": "date-time"},
        "accounts": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10,
            "items": {
                "type": "object",
                "properties": {"iban": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"}},
                "required": ["iban"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["type", "actions", "accounts", END_MEMBER],
    "additionalProperties": False,
}
"""How the bank describes the type. A request that breaks it is told which member, and why."""


def account_information(iban: str, *, until: str) -> dict[str, Any]:
    """The authorization detail (RFC 9396) of the balance of one account, to be agreed to until then."""
    return {**balance_of(iban), END_MEMBER: until}


def balance_of(iban: str) -> dict[str, Any]:
    """What the API does with a consent."""
    return {"type": TYPE, "actions": [_ACTION], "accounts": [{"iban": iban}]}


def from_now(seconds: int) -> str:
    """The time (RFC 3339) in so many seconds."""
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def accounts_in(details: Iterable[Any]) -> list[str]:
    """The IBANs that granted details name, in their order."""
    named = (
        account["iban"] for detail in details if detail["type"] == TYPE for account in detail["accounts"]
    )
    return list(dict.fromkeys(named))
