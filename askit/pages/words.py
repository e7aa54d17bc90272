"""Describes authorization details in words: the payee, the amount, the account; then every other field. And claims.

Text from a client is shown as plain text: no control characters, and none that change the writing direction.

Spec: RFC 9396 3.1, 12, 13; IDA 5.7.3
Role: AS
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from askit.config.details_types import GIVEN_HERE, DetailsType
from askit.config.settings import Config
from askit.config.values import IDENTITY_SCOPES, User
from askit.issuing.verified_claims import Given, given_anywhere
from askit.pages.catalogues import Catalogue
from askit.records import AuthorizationRequest, Grant
from fapikit import rfc3339
from fapikit.verified_claims.requested import purposes_of
from fapikit.visible_text import BLANK

_PAYEE: Final = ("creditorName", "creditor_name", "payee", "creditor", "beneficiary")
_AMOUNT: Final = ("instructedAmount", "instructed_amount", "InstructedAmount", "amount")
_PAYEE_ACCOUNT: Final = ("creditorAccount", "creditor_account", "CreditorAccount", "payeeAccount")
_ACCOUNT: Final = ("debtorAccount", "debtor_account", "DebtorAccount", "account")
_REFERENCE: Final = ("remittanceInformationUnstructured", "remittance_information", "reference")
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_-]")


@dataclass(frozen=True, slots=True)
class DescribedDetail:
    """A heading and labelled lines. `amount` and `payee` are shown prominently if the detail has them."""

    heading: str
    amount: str | None
    payee: str | None
    lines: tuple[tuple[str, str], ...]
    once: bool = False


def describe_detail(
    detail: Mapping[str, Any], known: DetailsType | None, user: User | None, say: Catalogue
) -> DescribedDetail:
    """The detail in words for the user."""
    payee_name, payee = _first(detail, _PAYEE)
    if payee is None:
        payee = _name_in_account(detail)
    amount_name, amount = _first(detail, _AMOUNT)
    # Only a field that is shown above is left out below, so no field can hide behind another of the same meaning.
    shown: set[str | None] = {"type", *GIVEN_HERE, payee_name, amount_name}
    if isinstance(amount, str | int | float):
        shown.add("currency")
    lines: list[tuple[str, str]] = []
    for label, names in (
        ("detail_payee_account", _PAYEE_ACCOUNT),
        ("detail_account", _ACCOUNT),
        ("detail_reference", _REFERENCE),
    ):
        name, value = _first(detail, names)
        if value is not None:
            lines.append((say(label), _text(value, say)))
            shown.add(name)
        elif names is _ACCOUNT and user is not None and amount is not None:
            lines.append((say(label), describe_user(user, say)[1]))
    end = None if known is None else known.end_member
    lines.extend(
        (_field(name, say), _end(value, say) if name == end else _text(value, say))
        for name, value in detail.items()
        if name not in shown
    )
    kind = str(detail["type"])
    return DescribedDetail(
        heading=plain(say.name_of("type", kind) or (known and known.name) or _label(kind)),
        amount=None if amount is None else _amount(amount, detail, say),
        payee=None if payee is None else _text(payee, say),
        lines=tuple(lines),
        once=known is not None and known.single_use,
    )


def describe_details(
    of: Grant | AuthorizationRequest, user: User | None, config: Config, say: Catalogue
) -> list[DescribedDetail]:
    return [
        describe_detail(detail, config.details_type(str(detail["type"])), user, say)
        for detail in of.authorization_details
    ]


def describe_verified_claims(
    of: Grant | AuthorizationRequest, user: User | None, say: Catalogue
) -> list[DescribedDetail]:
    """All that is given, value by value, and what for. A purpose is the client's own text, and is labelled so.

    Whatever would read the same is there once, however often a client asks for it.
    """
    return list(dict.fromkeys(_describe_given(given, say) for given in given_anywhere(of, user)))


def _describe_given(given: Given, say: Catalogue) -> DescribedDetail:
    lines: list[tuple[str, str]] = []
    for name, value in given.taken["claims"].items():
        label = say.name_of("claim", name) or _label(name)
        lines.append((label[:1].upper() + label[1:], _text(value, say)))
        purpose = given.request.claims[name].purpose
        lines.extend([(say("verified_purpose"), plain(purpose))] if purpose else [])
    verification = given.taken["verification"]
    for name, value in verification.items():
        if name != "trust_framework":
            lines.append((_field(name, say), _text(value, say)))
    purposes = sorted(set(purposes_of(given.request.verification, verification)))
    lines.extend((say("verified_purpose"), plain(purpose)) for purpose in purposes)
    heading = say("verified_heading", framework=plain(str(verification["trust_framework"])))
    return DescribedDetail(heading=heading, amount=None, payee=None, lines=tuple(lines))


def describe_user(user: User | None, say: Catalogue) -> tuple[str, str]:
    """The user's name (the claim `name`, else the user name), and the account."""
    if user is None:
        return say("nobody"), ""
    return plain(str(user.claims.get("name", user.username))), _text(
        user.claims.get("account", user.username), say
    )


def describe_access(
    config: Config, scopes: Iterable[str], resources: Iterable[str], say: Catalogue
) -> list[str]:
    """What is requested or was granted: each scope, and each API that is requested by its name."""
    named = set(resources)
    apis = [api for api in config.resources if api.uri in named and config.is_asked_for_by_name(api)]
    return [
        *(_describe_scope(config, scope, say) for scope in scopes),
        *(say("scope_other", scope=plain(api.name or api.uri)) for api in apis),
    ]


def _describe_scope(config: Config, scope: str, say: Catalogue) -> str:
    """The bank's own words for this scope, if there are any: in this language, else for all languages."""
    if own := say.own_name_of("scope", scope) or config.scopes.get(scope):
        return own
    return say(f"scope_{scope}") if scope in IDENTITY_SCOPES else say("scope_other", scope=scope)


def describe_claims(names: Iterable[str], say: Catalogue) -> list[str]:
    """Claims that are requested by name, as the consent page shows them."""
    return [say("claim", claim=say.name_of("claim", name) or _label(name).lower()) for name in sorted(names)]


def short(text: str) -> str:
    """A name as plain text, too short to push other text off the page."""
    return plain(text)[:500]


def plain(text: str) -> str:
    """The text on one line without control, format, private and blank characters. It is not cut: its end may be
    important.
    """
    return "".join(
        " " if unicodedata.category(character)[0] == "C" or character in BLANK else character
        for character in text
    )


def _first(detail: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str | None, Any]:
    return next(((name, detail[name]) for name in names if detail.get(name) is not None), (None, None))


def _name_in_account(detail: Mapping[str, Any]) -> Any:
    """The payee where only the account has a name, which is shown there too (UK Open Banking)."""
    _, account = _first(detail, _PAYEE_ACCOUNT)
    return account.get("Name") if isinstance(account, dict) else None


def _amount(value: Any, detail: Mapping[str, Any], say: Catalogue) -> str:
    if isinstance(value, dict):
        name = next((each for each in ("amount", "Amount") if each in value), "value")
        unit = "Currency" if name == "Amount" else "currency"
        number, currency = value.get(name, ""), value.get(unit, "")
        rest = {k: v for k, v in value.items() if k not in (name, unit)}
        return plain(f"{number} {currency}{' ' + _text(rest, say) if rest else ''}".strip())
    return plain(f"{value} {detail.get('currency', '')}".strip())


def _end(value: Any, say: Catalogue) -> str:
    """A time in UTC, as the other times of the pages; a date as it is."""
    at = rfc3339.end_of(value)
    if at is None or "T" not in value:
        return _text(value, say)
    return say("time_utc", time=dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M"))


def _field(name: str, say: Catalogue) -> str:
    return say.name_of("field", name) or _label(name)


def _label(name: str) -> str:
    return plain(_WORDS.sub(" ", name)).strip().capitalize()


def _text(value: Any, say: Catalogue) -> str:
    return plain(say("list_separator").join(_parts(value, say)))


def _parts(value: Any, say: Catalogue) -> Iterator[str]:
    if isinstance(value, dict):
        if value.keys() == {"iban"}:
            yield from _parts(value["iban"], say)
            return
        for name, inner in value.items():
            yield f"{_field(str(name), say)}: {_text(inner, say)}"
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner, say)
    elif isinstance(value, bool):
        yield say("yes" if value else "no")
    else:
        yield str(value)
