"""What a client lodges, typed, in the shapes of UK Open Banking, Open Finance Brasil and the Berlin Group.

Spec: LODGING 1
Role: C
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Final, Protocol

from fapikit.errors import ConfigurationError
from fapikit.lodged_intents import (
    BERLIN_GROUP_CONSENT,
    BERLIN_GROUP_PAYMENT,
    BRAZIL_CONSENT,
    UK_ACCOUNT_ACCESS,
    UK_DOMESTIC_PAYMENT,
    IntentShape,
)

_DIGITS: Final = 18
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


class IntentBody(Protocol):
    """What can be lodged. Write a class of your own for a body that is not here."""

    @property
    def shape(self) -> IntentShape: ...

    def body(self) -> Mapping[str, Any]:
        """The JSON as it is sent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UkAccountAccess:
    """UK Open Banking: to read accounts. Times have a zone."""

    shape: ClassVar[IntentShape] = UK_ACCOUNT_ACCESS
    permissions: Sequence[str]
    expires_at: dt.datetime | None = None
    transactions_from: dt.datetime | None = None
    transactions_to: dt.datetime | None = None

    def body(self) -> Mapping[str, Any]:
        """Raises ConfigurationError."""
        data = {
            "Permissions": _words("permissions", self.permissions),
            "ExpirationDateTime": _time("expires_at", self.expires_at),
            "TransactionFromDateTime": _time("transactions_from", self.transactions_from),
            "TransactionToDateTime": _time("transactions_to", self.transactions_to),
        }
        return {"Data": _present(data), "Risk": {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class UkAccount:
    """An account as UK Open Banking names it. `scheme`: such as `UK.OBIE.SortCodeAccountNumber`."""

    scheme: str
    identification: str
    name: str | None = None

    def members(self) -> dict[str, Any]:
        return _present({"SchemeName": self.scheme, "Identification": self.identification, "Name": self.name})


@dataclass(frozen=True, slots=True, kw_only=True)
class UkDomesticPayment:
    """UK Open Banking: one payment within the country. `risk`: what the bank's API wants to know of its context."""

    shape: ClassVar[IntentShape] = UK_DOMESTIC_PAYMENT
    amount: Decimal | str
    currency: str = "GBP"
    creditor_account: UkAccount
    instruction_id: str
    end_to_end_id: str
    debtor_account: UkAccount | None = None
    reference: str | None = None
    risk: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> Mapping[str, Any]:
        """Raises ConfigurationError."""
        initiation = {
            "InstructionIdentification": self.instruction_id,
            "EndToEndIdentification": self.end_to_end_id,
            "InstructedAmount": {
                "Amount": _amount(self.amount),
                "Currency": _currency(self.currency),
            },
            "CreditorAccount": self.creditor_account.members(),
            "DebtorAccount": None if self.debtor_account is None else self.debtor_account.members(),
            "RemittanceInformation": None if self.reference is None else {"Reference": self.reference},
        }
        return {"Data": {"Initiation": _present(initiation)}, "Risk": dict(self.risk)}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrazilConsent:
    """Open Finance Brasil: to read data. `cpf`: of the user who signs in. `cnpj`: of the company that it is about."""

    shape: ClassVar[IntentShape] = BRAZIL_CONSENT
    permissions: Sequence[str]
    cpf: str = field(repr=False)
    expires_at: dt.datetime
    cnpj: str | None = field(default=None, repr=False)

    def body(self) -> Mapping[str, Any]:
        """Raises ConfigurationError."""
        data = {
            "loggedUser": {"document": {"identification": self.cpf, "rel": "CPF"}},
            "businessEntity": (
                None if self.cnpj is None else {"document": {"identification": self.cnpj, "rel": "CNPJ"}}
            ),
            "permissions": _words("permissions", self.permissions),
            "expirationDateTime": _time("expires_at", self.expires_at),
        }
        return {"data": _present(data)}


@dataclass(frozen=True, slots=True, kw_only=True)
class BerlinGroupConsent:
    """Berlin Group: to read accounts. `access`: such as `{"balances": [{"iban": "..."}]}`."""

    shape: ClassVar[IntentShape] = BERLIN_GROUP_CONSENT
    access: Mapping[str, Any]
    valid_until: dt.date
    recurring: bool = True
    frequency_per_day: int = 4
    combined_service: bool = False

    def body(self) -> Mapping[str, Any]:
        """Raises ConfigurationError."""
        if isinstance(self.valid_until, dt.datetime) or not isinstance(self.valid_until, dt.date):
            raise _wrong("valid_until", self.valid_until, "a date")
        return {
            "access": dict(self.access),
            "recurringIndicator": self.recurring,
            "validUntil": self.valid_until.isoformat(),
            "frequencyPerDay": self.frequency_per_day,
            "combinedServiceIndicator": self.combined_service,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BerlinGroupPayment:
    """Berlin Group: one SEPA credit transfer."""

    shape: ClassVar[IntentShape] = BERLIN_GROUP_PAYMENT
    amount: Decimal | str
    currency: str = "EUR"
    creditor_name: str
    creditor_iban: str
    debtor_iban: str | None = None
    end_to_end_id: str | None = None
    remittance: str | None = None
    execution_date: dt.date | None = None

    def body(self) -> Mapping[str, Any]:
        """Raises ConfigurationError."""
        members = {
            "instructedAmount": {"currency": _currency(self.currency), "amount": _amount(self.amount)},
            "creditorName": self.creditor_name,
            "creditorAccount": {"iban": self.creditor_iban},
            "debtorAccount": None if self.debtor_iban is None else {"iban": self.debtor_iban},
            "endToEndIdentification": self.end_to_end_id,
            "remittanceInformationUnstructured": self.remittance,
            "requestedExecutionDate": None
            if self.execution_date is None
            else self.execution_date.isoformat(),
        }
        return _present(members)


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _amount(amount: object) -> str:
    """The decimal number as text. A float is refused, because it is not the number that was written."""
    try:
        number = Decimal(amount) if isinstance(amount, str | Decimal) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number <= 0 or abs(number.adjusted()) > _DIGITS:
        raise _wrong("amount", amount, 'a positive Decimal, or its text such as "12.00"')
    return f"{number:f}"


def _currency(currency: object) -> str:
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise _wrong("currency", currency, "three capital letters")
    return currency


def _words(name: str, words: object) -> list[str]:
    if (
        not isinstance(words, Sequence)
        or isinstance(words, str)
        or not words
        or not all(isinstance(word, str) for word in words)
    ):
        raise _wrong(name, words, "a list of at least one name")
    return list(words)


def _time(name: str, at: object) -> str | None:
    if at is None:
        return None
    if not isinstance(at, dt.datetime) or at.tzinfo is None:
        raise _wrong(name, at, "a datetime with a zone")
    return at.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _wrong(name: str, value: object, expected: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is {value!r:.60}: give {expected}", clause="LODGING 1", facts={"member": name}
    )
