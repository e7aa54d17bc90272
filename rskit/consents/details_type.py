"""One type of authorization details at this API: it lists all members that the API executes.

A granted detail covers a request if all these members are equal and it has no other member. A member that this API
does not know may restrict what the user agreed to, so a detail with such a member covers nothing.

Spec: RFC 9396 6.1, 9, 12
Role: RS
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from decimal import Decimal
from typing import Any, Final

from fapikit.errors import ConfigurationError
from rskit.errors import MalformedDetail
from rskit.policy.details_comparison import Budget, NeededDetail, TooMuchToCompare, same_scalar
from rskit.read_only import read_only_members

CONSENT_ID: Final = "consent_id"
CONSENT_EXPIRES_AT: Final = "consent_expires_at"
_COMMON: Final = frozenset({"type", "locations"})
"""Allowed besides its own members. `locations` is checked when the consent is used."""
_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_LONGEST_ID: Final = 512


@dataclass(frozen=True, slots=True)
class DetailsType:
    """The members of one `type`. The request and the granted detail may have no others.

    `executed`: must be in both, with equal values. `optional`: in both with equal values, or in neither.
    `not_executed`: may be in the granted detail, and does not change what this API does. `decimals`: paths such as
    `"instructedAmount.amount"` that are compared as decimal numbers; a path goes through arrays. `consent_id`,
    `consent_expires_at`: the members in which the authorization server gives the consent's id and its end (seconds
    since 1970, or an RFC 3339 time).

    Raises ConfigurationError if these contradict each other.
    """

    type: str
    _: KW_ONLY
    executed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    not_executed: tuple[str, ...] = ()
    decimals: tuple[str, ...] = ()
    consent_id: str = CONSENT_ID
    consent_expires_at: str = CONSENT_EXPIRES_AT

    def __post_init__(self) -> None:
        for setting in ("executed", "optional", "not_executed", "decimals"):
            names = getattr(self, setting)
            if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
                raise ConfigurationError(
                    f"{self.type}: {setting} must be a tuple of names: {setting}=('amount',)"
                )
            object.__setattr__(self, setting, tuple(names))
        if not self.executed:
            raise ConfigurationError(
                f"{self.type}: executed is empty, so every request would be covered: name the executed members"
            )
        own = (*self.executed, *self.optional, *self.not_executed, self.consent_id, self.consent_expires_at)
        for name in own:
            if name == "type" or own.count(name) > 1:
                raise ConfigurationError(f"{self.type}: the member {name!r} is named twice")
        compared = {*self.executed, *self.optional}
        for path in self.decimals:
            if path.split(".")[0] not in compared:
                raise ConfigurationError(
                    f"{self.type}: decimals has {path!r}, which is in no compared member"
                )

    def needed(self, order: Any) -> NeededDetail:
        """The detail needed to execute `order`, a JSON object. If it has a `type`, that must be this type.

        Raises MalformedDetail for a member that is missing or unknown.
        """
        if not isinstance(order, Mapping):
            raise self._malformed("is not a JSON object")
        if order.get("type", self.type) != self.type:
            raise self._malformed("has another type")
        members = {name: value for name, value in order.items() if name != "type"}
        for name in self.executed:
            if name not in members:
                raise self._malformed(f"lacks {name}")
        for name in members:
            if name not in self.executed and name not in self.optional:
                raise self._malformed("has a member that this API does not execute")
        try:
            self.canonical(members)  # bounds its size and depth, and refuses what is not JSON
        except TooMuchToCompare as error:
            raise self._malformed("is too large") from error
        return NeededDetail({"type": self.type, **read_only_members(members)}, self)

    def uncovered(
        self, granted: Mapping[str, Any], needed: Mapping[str, Any], budget: Budget
    ) -> Iterator[str]:
        """The members because of which this granted detail does not cover the request. Raises TooMuchToCompare."""
        for name in (*self.executed, *self.optional):
            in_both = name in granted and name in needed
            differs = in_both and not self._same(granted[name], needed[name], name, budget, 1)
            if differs or (not in_both and (name in granted or name in needed)):
                yield name
        known = _COMMON.union(self.executed, self.optional, self.not_executed)
        for name in granted:
            budget.spend(name, 0)
            if name not in known and name not in (self.consent_id, self.consent_expires_at):
                yield name

    def consent_of(self, granted: Mapping[str, Any]) -> str | None:
        """The id of the consent that a granted detail belongs to; None if the authorization server gives none."""
        value = granted.get(self.consent_id)
        return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID else None

    def end_of(self, granted: Mapping[str, Any]) -> float | None:
        """When that consent ends, in seconds since 1970; None if it has no end, or an unreadable one."""
        value = granted.get(self.consent_expires_at)
        if isinstance(value, str):
            try:
                told = dt.datetime.fromisoformat(value)
            except ValueError:
                return None
            return None if told.tzinfo is None else told.timestamp()
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def canonical(self, members: Mapping[str, Any]) -> Any:
        """A JSON value that is equal for all requests with the same meaning. Raises TooMuchToCompare."""
        budget = Budget()
        return {
            name: self._canonical(value, name, budget, 1)
            for name, value in sorted(members.items())
            if name != "type"
        }

    def _same(self, granted: object, needed: object, path: str, budget: Budget, depth: int) -> bool:
        budget.spend(needed, depth)
        if isinstance(needed, Mapping):
            return (
                isinstance(granted, Mapping)
                and granted.keys() == needed.keys()
                and all(
                    self._same(granted[name], value, f"{path}.{name}", budget, depth + 1)
                    for name, value in needed.items()
                )
            )
        if isinstance(needed, list | tuple):
            return (
                isinstance(granted, list | tuple)
                and len(granted) == len(needed)
                and all(
                    self._same(item, value, path, budget, depth + 1)
                    for item, value in zip(granted, needed, strict=True)
                )
            )
        if path in self.decimals:
            number = read_decimal(needed)
            return number is not None and number == read_decimal(granted)
        return same_scalar(granted, needed)

    def _canonical(self, value: Any, path: str, budget: Budget, depth: int) -> Any:
        budget.spend(value, depth)
        if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
            return {
                name: self._canonical(inner, f"{path}.{name}", budget, depth + 1)
                for name, inner in sorted(value.items())
            }
        if isinstance(value, list | tuple):
            return [self._canonical(inner, path, budget, depth + 1) for inner in value]
        if path in self.decimals and (number := read_decimal(value)) is not None:
            return f"{number.normalize():f}"
        if value is None or isinstance(value, str | int | float):
            return value
        raise TooMuchToCompare

    def _malformed(self, what: str) -> MalformedDetail:
        return MalformedDetail(f"the {self.type} of this request {what}", facts={"type": self.type})


def read_decimal(value: object) -> Decimal | None:
    """A decimal number from a string or a JSON number. None for anything else, such as a number with an exponent."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = value if isinstance(value, str) else repr(value)
    return Decimal(text) if _DECIMAL.fullmatch(text) else None
