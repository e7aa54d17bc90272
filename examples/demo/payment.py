"""A payment as all parties know it: the authorization detail (RFC 9396), its schema, and how the API compares it."""

from __future__ import annotations

from typing import Any, Final

from rskit import DetailsType

TYPE: Final = "payment_initiation"
PAYEE_ACCOUNT: Final = "DE02120300000000202051"
_ACCOUNT: Final = {
    "type": "object",
    "properties": {"iban": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"}},
    "required": ["iban"],
    "additionalProperties": False,
}
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 140}

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {"const": TYPE},
        "instructed_amount": {
            "type": "object",
            "properties": {
                "currency": {"const": "EUR"},
                "amount": {"type": "string", "pattern": "^[0-9]{1,9}(\\.[0-9]{1,2})?$"},
            },
            "required": ["currency", "amount"],
            "additionalProperties": False,
        },
        "creditor_name": _TEXT,
        "creditor_account": _ACCOUNT,
        "debtor_account": _ACCOUNT,
        "remittance_information": _TEXT,
    },
    "required": ["type", "instructed_amount", "creditor_name", "creditor_account", "remittance_information"],
    "additionalProperties": False,
}
"""How the banks describe it. A request that breaks it is told which member, and why."""

PAYMENT: Final = DetailsType(
    TYPE,
    executed=("instructed_amount", "creditor_name", "creditor_account", "remittance_information"),
    optional=("debtor_account",),
    decimals=("instructed_amount.amount",),
)
"""How the API compares: it pays what was agreed to, from the account that was agreed to, and nothing else."""


def payment(
    amount: str = "123.50",
    payee: str = "Green Grocer Ltd",
    *,
    to: str = PAYEE_ACCOUNT,
    reference: str = "Invoice 2026-0815",
    debtor: str | None = None,
) -> dict[str, Any]:
    """The detail of one payment. Without `debtor`, the bank takes the customer's first account."""
    detail: dict[str, Any] = {
        "type": TYPE,
        "instructed_amount": {"currency": "EUR", "amount": amount},
        "creditor_name": payee,
        "creditor_account": {"iban": to},
        "remittance_information": reference,
    }
    return detail if debtor is None else {**detail, "debtor_account": {"iban": debtor}}
