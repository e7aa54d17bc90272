"""A request for verified claims: the member `verified_claims` of a `claims` parameter, read strictly.

Each element is null, or an object that restricts it: `essential`, `value`, `values`, `max_age`, `purpose`. Within
`verification`, an element may also be an object or an array of further elements. The purpose is the one that the
published JSON Schema of requests has: 3 to 300 characters, for the user.

Spec: IDA 5.3, 5.4, 5.5.1, 5.5.2, 5.6; OIDC 5.5.1
Role: C, AS
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from fapikit.claim_requests import PLACES, VERIFIED_CLAIMS

MAX_REQUESTED: Final = 20
"""Of `verified_claims` in one array, and of filters in one array of a request."""
_PURPOSE: Final = range(3, 301)
_RESTRICTIONS: Final = frozenset({"value", "values", "max_age"})
_REMARKS: Final = frozenset({"essential", "purpose"})
"""They decide nothing. Of an object with several members they are ignored."""
_QUERY: Final = _RESTRICTIONS | _REMARKS
_ARRAY: Final = (list, tuple)
_NESTED: Final = (Mapping, *_ARRAY)
_WHOLE: Final = frozenset({"assurance_details", "attachments"})
"""Asked for as a whole, whatever the request says of their members (IDA 5.4)."""


class BrokenRequest(Exception):
    """`path`: the member, with dots. `what`: the rest of the sentence about it. Neither has a value of the request."""

    def __init__(self, path: str, what: str, clause: str = "IDA 5.3") -> None:
        super().__init__(f"{path} {what}")
        self.path = path
        self.what = what
        self.clause = clause


@dataclass(frozen=True, slots=True)
class Element:
    """One value that is asked for. `values` None: any value. `max_age`: in seconds, of a date or time."""

    essential: bool = False
    values: tuple[Any, ...] | None = None
    max_age: int | None = None
    purpose: str | None = None

    @property
    def restricted(self) -> bool:
        return self.values is not None or self.max_age is not None


@dataclass(frozen=True, slots=True)
class Members:
    """An object of which these members are asked for."""

    asked: Mapping[str, Node]

    @property
    def restricted(self) -> bool:
        return any(node.restricted for node in self.asked.values())


@dataclass(frozen=True, slots=True)
class Filters:
    """An array of which the items are asked for that pass one of these."""

    any_of: tuple[Members, ...]

    @property
    def restricted(self) -> bool:
        return any(members.restricted for members in self.any_of)


Node: TypeAlias = Element | Members | Filters


@dataclass(frozen=True, slots=True)
class RequestedVerifiedClaims:
    """One `verified_claims` of a request. `path`: where it stands, for messages."""

    verification: Members
    claims: Mapping[str, Element]
    path: str = field(default=VERIFIED_CLAIMS, compare=False)


def read_requests(value: Any, path: str = VERIFIED_CLAIMS) -> tuple[RequestedVerifiedClaims, ...]:
    """The request that is one object, or each of those in an array. Raises BrokenRequest."""
    if not isinstance(value, _ARRAY):
        return (_request(value, path),)
    _require_length(value, path)
    return tuple(_request(item, f"{path}[{place}]") for place, item in enumerate(value))


def requests_in(claims: Mapping[str, Any] | None) -> Iterator[RequestedVerifiedClaims]:
    """Every request in a `claims` parameter, of both places. Raises BrokenRequest."""
    for place in PLACES:
        yield from requests_of(claims, place)


def requests_of(claims: Mapping[str, Any] | None, place: str) -> tuple[RequestedVerifiedClaims, ...]:
    """The requests in one place of a `claims` parameter. Raises BrokenRequest."""
    wishes = (claims or {}).get(place) or {}
    if not isinstance(wishes, Mapping) or VERIFIED_CLAIMS not in wishes:
        return ()
    return read_requests(wishes[VERIFIED_CLAIMS], f"claims.{place}.{VERIFIED_CLAIMS}")


def purposes_of(node: Node, given: Any) -> Iterator[str]:
    """The purposes in a request for verification data, of the elements that are given. One may come several times."""
    if isinstance(node, Element):
        yield from () if node.purpose is None else (node.purpose,)
    elif isinstance(node, Members) and isinstance(given, Mapping):
        for name in node.asked.keys() & given.keys():
            yield from purposes_of(node.asked[name], given[name])
    elif isinstance(node, Filters) and isinstance(given, list):
        for item in given:
            for members in node.any_of:
                yield from purposes_of(members, item)


def _request(value: Any, path: str) -> RequestedVerifiedClaims:
    if not isinstance(value, Mapping):
        raise BrokenRequest(path, "must be an object with verification and claims, or an array of them")
    for name in value.keys() - {"verification", "claims"}:
        raise BrokenRequest(f"{path}.{name}", "is not a member of a request: it has verification and claims")
    for name in ("verification", "claims"):
        if not isinstance(value.get(name), Mapping):
            what = "must be an object" if name in value else "is missing"
            raise BrokenRequest(f"{path}.{name}", what)
    asked = value["verification"]
    if "trust_framework" not in asked:
        raise BrokenRequest(
            f"{path}.verification.trust_framework", "is missing: null asks for any", "IDA 5.4"
        )
    verification = _members(asked, f"{path}.verification")
    if not isinstance(verification.asked["trust_framework"], Element):
        raise BrokenRequest(
            f"{path}.verification.trust_framework", "must be null, or have value or values", "IDA 5.4"
        )
    _check_evidence(asked, f"{path}.verification.evidence")
    claims = {name: _element(wish, f"{path}.claims.{name}") for name, wish in value["claims"].items()}
    return RequestedVerifiedClaims(verification, claims, path)


def _check_evidence(asked: Mapping[str, Any], path: str) -> None:
    """Each filter of evidence names its type, as one value."""
    if "evidence" not in asked:
        return
    if not isinstance(asked["evidence"], _ARRAY):
        raise BrokenRequest(path, "must be an array of filters, each with its type", "IDA 5.4")
    for place, item in enumerate(asked["evidence"]):
        kind = item.get("type")
        if not isinstance(kind, Mapping) or not isinstance(kind.get("value"), str):
            raise BrokenRequest(
                f"{path}[{place}].type", "must be an object with one value, a string", "IDA 5.4"
            )
        if "values" in kind:
            raise BrokenRequest(f"{path}[{place}].type.values", "is not allowed: use value", "IDA 5.4")


def _node(value: Any, name: str, path: str) -> Node:
    if name in _WHOLE:
        return Element()
    if isinstance(value, _ARRAY):
        _require_length(value, path)
        return Filters(tuple(_filter(item, f"{path}[{place}]") for place, item in enumerate(value)))
    if isinstance(value, Mapping) and _has_members(value):
        for restriction in _RESTRICTIONS & value.keys():
            raise BrokenRequest(
                f"{path}.{restriction}", "restricts an object of several members: it is ambiguous"
            )
        return _members(value, path)
    return _element(value, path)


def _filter(value: Any, path: str) -> Members:
    if not isinstance(value, Mapping):
        raise BrokenRequest(path, "must be an object", "IDA 5.4")
    return _members(value, path)


def _has_members(value: Mapping[str, Any]) -> bool:
    """Whether an object asks for members, and does not restrict one value. Unknown restrictions are ignored."""
    return any(
        inner is None or isinstance(inner, _NESTED) for name, inner in value.items() if name not in _QUERY
    )


def _members(value: Mapping[str, Any], path: str) -> Members:
    asked: dict[str, Node] = {}
    for name, inner in value.items():
        if inner is None or isinstance(inner, _NESTED):
            asked[name] = _node(inner, name, f"{path}.{name}")
        elif name not in _REMARKS:
            raise BrokenRequest(f"{path}.{name}", "must be null or an object", "IDA 5.4")
    return Members(asked)


def _element(value: Any, path: str) -> Element:
    if value is None:
        return Element()
    if not isinstance(value, Mapping):
        raise BrokenRequest(path, "must be null or an object")
    if "value" in value and "values" in value:
        raise BrokenRequest(f"{path}.values", "and value exclude each other", "OIDC 5.5.1")
    essential, purpose = value.get("essential", False), value.get("purpose")
    if not isinstance(essential, bool):
        raise BrokenRequest(f"{path}.essential", "must be true or false", "OIDC 5.5.1")
    if purpose is not None and (not isinstance(purpose, str) or len(purpose) not in _PURPOSE):
        raise BrokenRequest(f"{path}.purpose", "must be a string of 3 to 300 characters")
    return Element(essential, _values(value, path), _max_age(value, path), purpose)


def _values(value: Mapping[str, Any], path: str) -> tuple[Any, ...] | None:
    if "value" in value:
        return (value["value"],)
    if "values" not in value:
        return None
    values = value["values"]
    if not isinstance(values, _ARRAY) or not values:
        raise BrokenRequest(f"{path}.values", "must be an array with at least one item", "OIDC 5.5.1")
    return tuple(values)


def _max_age(value: Mapping[str, Any], path: str) -> int | None:
    max_age = value.get("max_age")
    if max_age is not None and (type(max_age) is not int or max_age < 0):
        raise BrokenRequest(f"{path}.max_age", "must be a whole number of seconds, 0 or more", "IDA 5.5.2")
    return max_age


def _require_length(value: list[Any] | tuple[Any, ...], path: str) -> None:
    if not value or len(value) > MAX_REQUESTED:
        raise BrokenRequest(path, f"must have 1 to {MAX_REQUESTED} items", "IDA 5.6")
