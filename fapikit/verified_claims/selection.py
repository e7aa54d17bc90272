"""The part of one `verified_claims` that a request asks for: nothing else is in it.

Whatever does not meet a restriction within `verification` makes the whole `verified_claims` unfit. A claim that does
not meet its own restriction is left out alone.

Spec: IDA 5.4, 5.5.1, 5.5.2, 5.7.2, 5.7.4, 5.7.5, 7
Role: C, AS
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fapikit.claim_requests import accepts
from fapikit.verified_claims.requested import Element, Filters, Members, Node, RequestedVerifiedClaims

_MANDATORY: Final[Mapping[str, tuple[str, ...]]] = {
    "verification": ("trust_framework",),
    "evidence": ("type",),
    "check_details": ("check_method",),
    "document_details": ("type",),
    "document": ("type",),
    "record": ("type",),
    "attestation": ("type",),
}
"""What an object must have (IDA-S 5.4.2, 5.4.4): whoever asks for the object asks for that too."""
_OF_A_SIGNATURE: Final = ("signature_type", "issuer", "serial_number")
_NAVIGATED: Final = frozenset(
    {*_MANDATORY, "assurance_process", "issuer", "source", "voucher", "derived_claims"}
)
"""Objects of which each wanted member must be asked for: by its name alone one gives what is mandatory (IDA 5.4)."""
_WITHOUT_SECONDS: Final = re.compile(r"[^T]+T[0-9]{2}:?[0-9]{2}(?:Z|[+-].*)\Z")


@dataclass(frozen=True, slots=True)
class Unmet:
    """What was asked for and is not in the selection. `path`: from `verification` or `claims` on."""

    path: str
    why: str
    essential: bool = False

    def __str__(self) -> str:
        return f"{self.path}{' (essential)' if self.essential else ''} {self.why}"


@dataclass(frozen=True, slots=True)
class Selection:
    """`taken`: a `verified_claims` with what was asked for; None: there is none that fits."""

    taken: Mapping[str, Any] | None
    unmet: tuple[Unmet, ...] = ()


class _UnfitError(Exception):
    """A restriction within `verification` is not met."""

    def __init__(self, unmet: Unmet) -> None:
        super().__init__(unmet)
        self.unmet = unmet


def select(request: RequestedVerifiedClaims, verified: Mapping[str, Any], *, at: float) -> Selection:
    """Apply a request to one `verified_claims`. `at`: the time of the request, in seconds since 1970."""
    unmet: list[Unmet] = []
    try:
        found = _object(
            request.verification, verified["verification"], "verification", "verification", at, unmet
        )
    except _UnfitError as unfit:
        return Selection(None, (unfit.unmet,))
    claims = {}
    for name, wish in request.claims.items():
        why = _fault(wish, verified["claims"].get(name), at)
        if why is None:
            claims[name] = verified["claims"][name]
        else:
            unmet.append(Unmet(f"claims.{name}", why, wish.essential))
    if request.claims and not claims:
        return Selection(None, tuple(unmet))
    return Selection({"verification": _corresponding(found, claims), "claims": claims}, tuple(unmet))


def _corresponding(verification: dict[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
    """What is said to be derived from a piece of evidence is only about claims that are there (IDA-S 5.4.4)."""
    if "evidence" not in verification:
        return verification
    return {**verification, "evidence": [_derived(item, claims) for item in verification["evidence"]]}


def _derived(item: Mapping[str, Any], claims: Mapping[str, Any]) -> Mapping[str, Any]:
    derived = item.get("derived_claims")
    if not isinstance(derived, Mapping):
        return item
    kept = {name: value for name, value in derived.items() if name in claims}
    rest = {name: value for name, value in item.items() if name != "derived_claims"}
    return {**rest, "derived_claims": kept} if kept else rest


def _object(
    asked: Members, data: Mapping[str, Any], name: str, path: str, at: float, unmet: list[Unmet]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for inner, node in asked.asked.items():
        here = f"{path}.{inner}"
        value = data.get(inner)
        if value is None:
            missing = Unmet(here, "is missing", isinstance(node, Element) and node.essential)
            if node.restricted:
                raise _UnfitError(missing)
            unmet.append(missing)
            continue
        found[inner] = _value(node, value, inner, here, at, unmet)
    mandatory = {key: data[key] for key in _mandatory(name, data) if key in data and key not in found}
    return {**mandatory, **{key: value for key, value in found.items() if value not in ({}, [])}}


def _mandatory(name: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    own = _MANDATORY.get(name, ())
    return (*own, *_OF_A_SIGNATURE) if data.get("type") == "electronic_signature" else own


def _value(node: Node, value: Any, name: str, path: str, at: float, unmet: list[Unmet]) -> Any:
    if isinstance(node, Element):
        if why := _fault(node, value, at):
            raise _UnfitError(Unmet(path, why, node.essential))
        return _only_mandatory(value, name) if name in _NAVIGATED else value
    if isinstance(node, Members):
        if not isinstance(value, Mapping):
            raise _UnfitError(Unmet(path, "is not an object"))
        return _object(node, value, name, path, at, unmet)
    if not isinstance(value, list):
        raise _UnfitError(Unmet(path, "is not an array"))
    return _items(node, value, name, path, at, unmet)


def _items(
    node: Filters, value: list[Any], name: str, path: str, at: float, unmet: list[Unmet]
) -> list[dict[str, Any]]:
    """The items that pass a filter, each with what the filters ask for that it passes."""
    items = []
    reason: Unmet | None = None
    for item in value:
        passed = []
        for members in node.any_of:
            try:
                _object(members, item if isinstance(item, Mapping) else {}, name, path, at, [])
                passed.append(members)
            except _UnfitError as unfit:
                reason = _nearest(reason, unfit.unmet)
        if passed and isinstance(item, Mapping):
            items.append(_object(_both(passed), item, name, path, at, unmet))
    if not items and node.restricted:
        raise _UnfitError(reason or Unmet(path, "is missing"))
    return items


def _nearest(one: Unmet | None, other: Unmet) -> Unmet:
    """The reason of the item that nearly passed: the one that is deeper in it."""
    return other if one is None or other.path.count(".") > one.path.count(".") else one


def _both(passed: Iterable[Members]) -> Members:
    """What several filters ask for together, of an item that passes each of them."""
    asked: dict[str, Node] = {}
    for members in passed:
        for name, node in members.asked.items():
            before = asked.get(name)
            if isinstance(before, Members) and isinstance(node, Members):
                asked[name] = _both((before, node))
            elif isinstance(before, Filters) and isinstance(node, Filters):
                asked[name] = Filters((*before.any_of, *node.any_of))
            elif not isinstance(before, Members | Filters):
                asked[name] = node
    return Members(asked)


def _only_mandatory(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [_only_mandatory(item, name) for item in value]
    if isinstance(value, Mapping):
        return {key: value[key] for key in _mandatory(name, value) if key in value}
    return value


def _fault(wish: Element, value: Any, at: float) -> str | None:
    """Why this value is not the one that was asked for; None if it is."""
    if value is None:
        return "is missing"
    if wish.values is not None and not accepts({"values": wish.values}, value):
        return "has another value than was asked for"
    if wish.max_age is not None:
        last = last_second_of(value)
        if last is None:
            return "is no date or time, and max_age was asked for"
        if at - last > wish.max_age:
            return "is older than max_age allows"
    return None


def last_second_of(value: Any) -> float | None:
    """The last second of a date (in UTC), or of a time with its zone, since 1970. None: it is neither."""
    if not isinstance(value, str):
        return None
    try:
        if "T" not in value:
            day = dt.datetime.fromisoformat(value).replace(hour=23, minute=59, second=59, tzinfo=dt.UTC)
            return day.timestamp()
        time = dt.datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    if time.tzinfo is None:
        return None
    return time.timestamp() + (59 if _WITHOUT_SECONDS.match(value) else 0)


def beyond(answer: Any, taken: Any, path: str = "") -> Iterator[str]:
    """The paths in an answer that are not in what was taken of it. Items of arrays have the path of their array."""
    if isinstance(answer, Mapping):
        of = taken if isinstance(taken, Mapping) else {}
        for name, value in answer.items():
            here = f"{path}.{name}" if path else str(name)
            if name not in of:
                yield here
            else:
                yield from beyond(value, of[name], here)
    elif isinstance(answer, list) and answer != taken:
        rest = list(taken) if isinstance(taken, list) else []
        if len(rest) < len(answer):
            yield path
        for one, other in zip(answer, rest, strict=False):
            yield from beyond(one, other, path)
