"""The JSON Schemas of the bodies that clients lodge, for each shape. What the user agrees to has no other members.

Spec: LODGING 1
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 350}
_TIME: Final = {"type": "string", "format": "date-time"}
_DATE: Final = {"type": "string", "format": "date"}
_CURRENCY: Final = {"type": "string", "pattern": "^[A-Z]{3}$"}
_AMOUNT: Final = {
    "type": "string",
    "pattern": "^[0-9]{1,13}([.][0-9]{1,5})?$",
    "not": {"pattern": "^[0.]*$", "description": "must be more than 0"},
}
_IBAN: Final = {"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}[A-Za-z0-9]{1,30}$"}


def _object(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _some_of(*names: str) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": list(names)}}


def _list_of(item: Mapping[str, Any], at_most: int = 100) -> dict[str, Any]:
    return {"type": "array", "maxItems": at_most, "items": item}


_UK_PERMISSIONS: Final = _some_of(
    "ReadAccountsBasic", "ReadAccountsDetail", "ReadBalances", "ReadBeneficiariesBasic", "ReadBeneficiariesDetail",
    "ReadDirectDebits", "ReadOffers", "ReadPAN", "ReadParty", "ReadPartyPSU", "ReadProducts",
    "ReadScheduledPaymentsBasic", "ReadScheduledPaymentsDetail", "ReadStandingOrdersBasic",
    "ReadStandingOrdersDetail", "ReadStatementsBasic", "ReadStatementsDetail", "ReadTransactionsBasic",
    "ReadTransactionsCredits", "ReadTransactionsDebits", "ReadTransactionsDetail",
)  # fmt: skip
_UK_ACCOUNT: Final = _object(
    {"SchemeName": _TEXT, "Identification": _TEXT}, {"Name": _TEXT, "SecondaryIdentification": _TEXT}
)
_UK_INITIATION: Final = _object(
    {
        "InstructionIdentification": _TEXT,
        "EndToEndIdentification": _TEXT,
        "InstructedAmount": _object({"Amount": _AMOUNT, "Currency": _CURRENCY}),
        "CreditorAccount": _UK_ACCOUNT,
    },
    {
        "LocalInstrument": _TEXT,
        "DebtorAccount": _UK_ACCOUNT,
        "RemittanceInformation": _object(
            {}, {"Reference": _TEXT, "Unstructured": {"anyOf": [_TEXT, _list_of(_TEXT, 10)]}}
        ),
    },
)
_BRAZIL_PERMISSIONS: Final = _some_of(
    "ACCOUNTS_READ", "ACCOUNTS_BALANCES_READ", "ACCOUNTS_TRANSACTIONS_READ", "ACCOUNTS_OVERDRAFT_LIMITS_READ",
    "CREDIT_CARDS_ACCOUNTS_READ", "CREDIT_CARDS_ACCOUNTS_BILLS_READ", "CREDIT_CARDS_ACCOUNTS_LIMITS_READ",
    "CREDIT_CARDS_ACCOUNTS_TRANSACTIONS_READ", "CREDIT_CARDS_ACCOUNTS_BILLS_TRANSACTIONS_READ",
    "CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ", "CUSTOMERS_PERSONAL_ADITTIONALINFO_READ",
    "CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ", "CUSTOMERS_BUSINESS_ADITTIONALINFO_READ", "FINANCINGS_READ",
    "INVOICE_FINANCINGS_READ", "LOANS_READ", "RESOURCES_READ", "UNARRANGED_ACCOUNTS_OVERDRAFT_READ",
)  # fmt: skip


def _document(kind: str, digits: int) -> dict[str, Any]:
    number = {"type": "string", "pattern": f"^[0-9]{{{digits}}}$"}
    return _object({"document": _object({"identification": number, "rel": {"const": kind}})})


_BERLIN_ACCOUNT: Final = _object({"iban": _IBAN}, {"currency": _CURRENCY})
_BERLIN_ACCESS: Final = _object(
    {},
    {
        **dict.fromkeys(("accounts", "balances", "transactions"), _list_of(_BERLIN_ACCOUNT)),
        "availableAccounts": {"const": "allAccounts"},
        "availableAccountsWithBalance": {"const": "allAccounts"},
        "allPsd2": {"const": "allAccounts"},
    },
) | {"minProperties": 1}

BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "uk-account-access": _object(
        {
            "Data": _object(
                {"Permissions": _UK_PERMISSIONS},
                {
                    "ExpirationDateTime": _TIME,
                    "TransactionFromDateTime": _TIME,
                    "TransactionToDateTime": _TIME,
                },
            ),
            "Risk": _object({}),
        }
    ),
    "uk-domestic-payment": _object(
        {"Data": _object({"Initiation": _UK_INITIATION}), "Risk": {"type": "object"}}
    ),
    "brazil-consent": _object(
        {
            "data": _object(
                {
                    "loggedUser": _document("CPF", 11),
                    "permissions": _BRAZIL_PERMISSIONS,
                    "expirationDateTime": _TIME,
                },
                {"businessEntity": _document("CNPJ", 14)},
            )
        }
    ),
    "berlin-group-consent": _object(
        {
            "access": _BERLIN_ACCESS,
            "recurringIndicator": {"type": "boolean"},
            "validUntil": _DATE,
            "frequencyPerDay": {"type": "integer", "minimum": 1},
            "combinedServiceIndicator": {"type": "boolean"},
        }
    ),
    "berlin-group-payment": _object(
        {
            "instructedAmount": _object({"currency": _CURRENCY, "amount": _AMOUNT}),
            "creditorAccount": _BERLIN_ACCOUNT,
            "creditorName": _TEXT,
        },
        {
            "debtorAccount": _BERLIN_ACCOUNT,
            "endToEndIdentification": _TEXT,
            "creditorAgent": _TEXT,
            "remittanceInformationUnstructured": _TEXT,
            "requestedExecutionDate": _DATE,
        },
    ),
}
"""By the name of the shape."""
