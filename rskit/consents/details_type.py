"""One type of authorization details at this API: it lists all members that the API executes.

A granted detail covers a request if it allows the value of all these members and has no other member. Values are
allowed if they are equal, except where the type compares them in another way (`decimals`, `at_most`, `dates`,
`sets`). A member that this API does not know may restrict what the user agreed to, so a detail with such a member
covers nothing.

Spec: RFC 9396 6.1, 9, 12
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final

from fapikit import rfc3339, strict_json
from fapikit.errors import ConfigurationError
from fapikit.setting_types import check_text_settings
from rskit.consents.comparisons import COMPARISONS, spelt
from rskit.errors import MalformedDetail
from rskit.policy.details_comparison import Budget, NeededDetail, TooMuchToCompare, same_scalar
from rskit.read_only import read_only_members

CONSENT_ID: Final = "consent_id"
CONSENT_EXPIRES_AT: Final = "consent_expires_at"
_COMMON: Final = frozenset({"type", "locations"})
"""Allowed besides its own members. `locations` is checked when the consent is used."""
_LONGEST_ID: Final = 512
_NAMES: Final = ("executed", "optional", "not_executed")
_PATHS: Final = (*COMPARISONS, "sets")


@dataclass(frozen=True, slots=True)
class DetailsType:
    """The members of one `type`. The request and the granted detail may have no others.

    `executed`: must be in both, with equal values. `optional`: in both with equal values, or in neither.
    `not_executed`: may be in the granted detail, and does not change what this API does. `consent_id`,
    `consent_expires_at`: the members in which the authorization server gives the consent's id and its end (seconds
    since 1970, or an RFC 3339 time, or a date, whose day is the last one in UTC).

    Paths such as `"instructedAmount.amount"` name values that are compared in another way; a path goes through arrays.
    `decimals`: as decimal numbers. `at_most`: as decimal numbers, and the request may have less. `dates`: as RFC 3339
    dates or times. `sets`: arrays without order, and the request may have only some of the granted items.

    Raises ConfigurationError if these contradict each other.
    """

    type: str
    _: KW_ONLY
    executed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    not_executed: tuple[str, ...] = ()
    decimals: tuple[str, ...] = ()
    at_most: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    consent_id: str = CONSENT_ID
    consent_expires_at: str = CONSENT_EXPIRES_AT
    _compared_as: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_text_settings(self)
        for setting in (*_NAMES, *_PATHS):
            names = getattr(self, setting)
            if not all(names):
                raise ConfigurationError(f"{self.type}: {setting} has an empty name: remove it")
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
        compared_as = [(path, setting) for setting in _PATHS for path in getattr(self, setting)]
        for path, setting in compared_as:
            if path.split(".")[0] not in compared:
                raise ConfigurationError(
                    f"{self.type}: {setting} has {path!r}, which is in no compared member"
                )
        if len(dict(compared_as)) < len(compared_as):
            raise ConfigurationError(
                f"{self.type}: a path is in two of {', '.join(_PATHS)}: each value is compared in one way"
            )
        object.__setattr__(self, "_compared_as", dict(compared_as))

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
        """When that consent ends, in seconds since 1970; None if it names no end. One that cannot be read is over."""
        value = granted.get(self.consent_expires_at)
        if value is None or value == "":
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        told = rfc3339.end_of(value)
        return 0.0 if told is None else told

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
        compared_as = self._compared_as.get(path, "")
        if isinstance(needed, list | tuple):
            if not isinstance(granted, list | tuple):
                return False
            if compared_as == "sets":
                return self._has_all(granted, needed, path, budget, depth)
            return len(granted) == len(needed) and all(
                self._same(item, value, path, budget, depth + 1)
                for item, value in zip(granted, needed, strict=True)
            )
        return COMPARISONS.get(compared_as, same_scalar)(granted, needed)

    def _has_all(
        self, granted: Sequence[Any], needed: Sequence[Any], path: str, budget: Budget, depth: int
    ) -> bool:
        if not needed:
            return not granted
        return self._items(needed, path, budget, depth) <= self._items(granted, path, budget, depth)

    def _items(self, values: Sequence[Any], path: str, budget: Budget, depth: int) -> set[bytes]:
        """Each item as octets that are equal for items with the same meaning. Raises TooMuchToCompare."""
        return {strict_json.dump_value(self._canonical(value, path, budget, depth + 1)) for value in values}

    def _canonical(self, value: Any, path: str, budget: Budget, depth: int) -> Any:
        budget.spend(value, depth)
        if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
            return {
                name: self._canonical(inner, f"{path}.{name}", budget, depth + 1)
                for name, inner in sorted(value.items())
            }
        compared_as = self._compared_as.get(path, "")
        if isinstance(value, list | tuple):
            if compared_as == "sets":
                return sorted(octets.decode() for octets in self._items(value, path, budget, depth))
            return [self._canonical(inner, path, budget, depth + 1) for inner in value]
        if value is None or isinstance(value, str | int | float):
            return spelt(value, compared_as) if compared_as in COMPARISONS else value
        raise TooMuchToCompare

    def _malformed(self, what: str) -> MalformedDetail:
        return MalformedDetail(f"the {self.type} of this request {what}", facts={"type": self.type})
