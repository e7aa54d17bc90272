"""What the parties know of consents to single accounts: the type of the detail, and the accounts themselves."""

from __future__ import annotations

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
_ACTION: Final = "read balance"

ACCOUNT_INFORMATION: Final = DetailsType(TYPE, executed=("actions", "accounts"), sets=("actions", "accounts"))
"""How the API compares: a request may be for some of the granted accounts."""

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {"const": TYPE},
        "actions": {"type": "array", "items": {"enum": [_ACTION]}, "minItems": 1, "uniqueItems": True},
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
    "required": ["type", "actions", "accounts"],
    "additionalProperties": False,
}
"""How the bank describes the type. A request that breaks it is told which member, and why."""


def account_information(*ibans: str) -> dict[str, Any]:
    """The authorization detail (RFC 9396) of the balances of some accounts."""
    return {"type": TYPE, "actions": [_ACTION], "accounts": [{"iban": iban} for iban in ibans]}


def accounts_in(details: Iterable[Any]) -> list[str]:
    """The IBANs that granted details name, in their order."""
    named = (
        account["iban"] for detail in details if detail["type"] == TYPE for account in detail["accounts"]
    )
    return list(dict.fromkeys(named))
