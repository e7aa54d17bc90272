"""Whether the details that a user granted allow what a request needs.

An object is covered member by member, an array item by item, any other value if it is equal. The granted value may have
more members. An empty object or array is covered only by an equally empty one, because an API may read it as "all".
Each granted item covers one needed item. A value that is not JSON is covered by nothing.

Each compared value costs one step of a `Budget`. When the budget is used up, nothing more is covered.

Spec: RFC 9396 6.1, 9
Role: RS
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from rskit.read_only import ReadOnlyDict

MAX_STEPS: Final = 20_000
"""How many values the comparisons of one request may read. 256 characters of a string count as one more."""
MAX_DEPTH: Final = 32
_CHARACTERS_PER_STEP: Final = 256

Details = tuple[Mapping[str, Any], ...]


class TooMuchToCompare(Exception):
    """The budget is used up, a value is nested too deeply, or it is not JSON."""


class Budget:
    """How many more values may be read. All comparisons of one request share one budget."""

    __slots__ = ("steps",)

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.steps = steps

    @property
    def used_up(self) -> bool:
        return self.steps < 0

    def spend(self, value: object, depth: int) -> None:
        """Raises TooMuchToCompare."""
        self.steps -= 1 + len(value) // _CHARACTERS_PER_STEP if isinstance(value, str) else 1
        if self.steps < 0 or depth > MAX_DEPTH:
            raise TooMuchToCompare


class Comparison(Protocol):
    """How details of one type are compared (RFC 9396 6.1: each type defines its own comparison)."""

    def uncovered(
        self, granted: Mapping[str, Any], needed: Mapping[str, Any], budget: Budget
    ) -> Iterator[str]:
        """The names of the members that differ. Raises TooMuchToCompare."""
        ...

    def end_of(self, granted: Mapping[str, Any]) -> float | None:
        """When the consent to a granted detail ends, in seconds since 1970; None: that is not known."""
        ...


class NeededDetail(ReadOnlyDict):
    """A needed detail with the comparison of its type, as `DetailsType.needed` returns it."""

    __slots__ = ("comparison",)

    def __init__(self, members: Mapping[str, Any], comparison: Comparison) -> None:
        super().__init__(members)
        self.comparison = comparison


def covering(granted: Details, needed: Mapping[str, Any], budget: Budget) -> Details:
    """The granted details that cover the needed one, each by itself."""
    return tuple(detail for detail in granted if next(_misses(detail, needed, budget), None) is None)


def not_ended(granted: Details, needed: Mapping[str, Any], now: float) -> Details:
    """Those whose consent has not ended, as the type of the needed one tells."""
    if not isinstance(needed, NeededDetail):
        return granted
    end_of = needed.comparison.end_of
    return tuple(detail for detail in granted if (end := end_of(detail)) is None or now < end)


def uncovered(granted: Mapping[str, Any], needed: Mapping[str, Any], budget: Budget) -> tuple[str, ...]:
    """The names of the members that a granted detail does not cover in a needed one; all if the budget ends."""
    return tuple(_misses(granted, needed, budget))


def _misses(granted: Mapping[str, Any], needed: Mapping[str, Any], budget: Budget) -> Iterator[str]:
    compare = needed.comparison.uncovered if isinstance(needed, NeededDetail) else _uncovered_members
    try:
        budget.spend(granted, 0)
        if granted.get("type") == needed.get("type"):
            yield from compare(granted, needed, budget)
        else:
            yield "type"
    except TooMuchToCompare:
        yield from needed


def _uncovered_members(
    granted: Mapping[str, Any], needed: Mapping[str, Any], budget: Budget
) -> Iterator[str]:
    for name, value in needed.items():
        if name not in granted or not _covers(granted[name], value, budget, 1):
            yield name


def covers(granted: object, needed: object, budget: Budget | None = None) -> bool:
    """Whether a granted value allows a needed one. 1 does not allow true, and "1.0" does not allow "1"."""
    try:
        return _covers(granted, needed, budget or Budget(), 0)
    except TooMuchToCompare:
        return False


def _covers(granted: object, needed: object, budget: Budget, depth: int) -> bool:
    budget.spend(needed, depth)
    if isinstance(needed, Mapping):
        return isinstance(granted, Mapping) and _covers_object(granted, needed, budget, depth + 1)
    if isinstance(needed, list | tuple):
        return isinstance(granted, list | tuple) and _covers_array(granted, needed, budget, depth + 1)
    return same_scalar(granted, needed)


def _covers_object(granted: Mapping[str, Any], needed: Mapping[str, Any], budget: Budget, depth: int) -> bool:
    if not needed or len(needed) > len(granted):
        return not needed and not granted
    return all(
        name in granted and _covers(granted[name], value, budget, depth) for name, value in needed.items()
    )


def _covers_array(granted: Sequence[Any], needed: Sequence[Any], budget: Budget, depth: int) -> bool:
    """Equal items are matched first, so that another granted item does not use them up."""
    if not needed or len(needed) > len(granted):
        return not needed and not granted
    spare: dict[Hashable, list[Any]] = {}
    for item in granted:
        spare.setdefault(_hashable(item, budget, depth), []).append(item)
    unmatched = []
    for item in needed:
        equals = spare.get(_hashable(item, budget, depth))
        if equals:
            equals.pop()
        elif isinstance(item, Mapping | list | tuple):
            unmatched.append(item)
        else:
            return False
    left = [item for items in spare.values() for item in items]
    return all(_take_covering(left, item, budget, depth) for item in unmatched)


def _take_covering(left: list[Any], needed: object, budget: Budget, depth: int) -> bool:
    for position, item in enumerate(left):
        if _covers(item, needed, budget, depth):
            del left[position]
            return True
    return False


def same_scalar(granted: object, needed: object) -> bool:
    """Whether two strings, numbers, booleans or nulls are equal."""
    if isinstance(granted, bool) or isinstance(needed, bool):
        return granted is needed
    return type(granted) in (str, int, float, type(None)) and granted == needed


def serves_twice(wanted: Sequence[object], found: Sequence[int], budget: Budget) -> bool:
    """Whether more equal details are needed than there are granted details that cover them (`found`)."""
    try:
        keys = [_hashable(detail, budget, 0) for detail in wanted]
    except TooMuchToCompare:
        return True
    counts = Counter(keys)
    return any(counts[key] > number for key, number in zip(keys, found, strict=True))


def _hashable(value: object, budget: Budget, depth: int) -> Hashable:
    """A key that is equal for equal JSON, and different for 1 and true."""
    budget.spend(value, depth)
    if isinstance(value, Mapping):
        return frozenset((name, _hashable(inner, budget, depth + 1)) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return tuple(_hashable(inner, budget, depth + 1) for inner in value)
    if isinstance(value, bool):
        return bool, value
    if value is None or isinstance(value, str | int | float):
        return value
    raise TooMuchToCompare
