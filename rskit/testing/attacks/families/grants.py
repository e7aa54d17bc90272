"""Valid tokens that do not grant this request: scope, authorization details, authentication.

Spec: FAPI2-SP 5.3.4-4; RFC 6750 3.1; RFC 9068 2.2.3; RFC 9396 9; RFC 9470 3
Role: RS
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.declared import Family, Made, Maker, Row, claims, jwt, jwts_only
from rskit.testing.attacks.forger import NULL, Forger

_SCOPES: Final[tuple[tuple[str, str, Callable[[str], str]], ...]] = (
    (
        "a token whose scope begins as the right one",
        "the scope and two letters more",
        lambda scope: f"{scope}xx",
    ),
    ("a token whose scope ends as the right one", "two letters and the scope", lambda scope: f"xx{scope}"),
    (
        "a token whose scope is a part of the right one",
        "the scope without its last letter",
        lambda scope: scope[:-1],
    ),
    ("a token whose scope is the first letter", "the first letter of the scope", lambda scope: scope[:1]),
    (
        "a token whose scope is below the right one",
        "the scope with :read behind it",
        lambda scope: f"{scope}:read",
    ),
    (
        "a token whose scope is beside the right one",
        "the scope with .all behind it",
        lambda scope: f"{scope}.all",
    ),
    ("a token whose scope is in other letters", "the scope in other letters", str.swapcase),
    (
        "a token whose scope holds a comma",
        "one scope that ends with a comma and the right one",
        lambda s: f"xx,{s}",
    ),
    ("a token whose scope is any", "the scope *", lambda _: "*"),
    ("a token whose scope is a pattern", "the scope .*", lambda _: ".*"),
    ("a token with a scope of others", "another scope", lambda _: "fapikit-other"),
)


def _near(spell: Callable[[str], str]) -> Maker:
    """Each scope name is spelled differently. Nothing is sent if that gives a name that was granted."""

    def make(forger: Forger) -> Made | None:
        granted = str(forger.granted["scope"]).split(" ")
        spelled = [spell(name) for name in granted]
        if not set(spelled).isdisjoint({*granted, ""}):
            return None
        return claims(scope=" ".join(spelled))(forger)

    return make


def _in_a_list(forger: Forger) -> Made | None:
    names = [f"xx{name}" for name in str(forger.granted["scope"]).split(" ")]
    return jwts_only(jwt(claims={"scope": names}))(forger)


def _other_scope(forger: Forger) -> Made | None:
    other = forger.reach.other_scope
    return ONE_SCOPE if other is None else claims(scope=other)(forger)


ONE_SCOPE: Final = NotLookedAt(
    "a second scope",
    "the scopes that were tried are made up: it is not known whether another scope of this API opens this route",
    "Reach(other_scope=...)",
)
NO_SCOPE: Final = NotLookedAt(
    "scopes", "the honest token has no scope", "find_holes(..., scope=...) for a route that needs one"
)

SCOPES: Final = Family(
    "scopes that do not open this route",
    means="A token that the user granted for something else can do this too.",
    clause="FAPI2-SP 5.3.4-4",
    remedy="Split scope at its spaces, compare whole names, and require all that the route needs.",
    rows=(
        Row("a token without the scope", "the honest token, with an empty scope", claims(scope="")),
        Row("a token without any scope", "the honest token, without scope", claims(scope=None)),
        *(Row(name, f"a token with {what}", _near(spell)) for name, what, spell in _SCOPES),
        Row(
            "a token whose scopes are a list of longer names",
            "a token with a list of other names",
            _in_a_list,
        ),
        Row(
            "a token whose scope is null",
            "the honest token, with scope null",
            jwts_only(jwt(claims={"scope": NULL})),
        ),
        Row(
            "a token whose scope is true",
            "the honest token, with scope true",
            jwts_only(jwt(claims={"scope": True})),
        ),
        Row("a token with another scope of this API", "a token with a scope for other routes", _other_scope),
    ),
    needs=lambda forger: None if forger.granted.get("scope") else NO_SCOPE,
)


def _details(change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Maker:
    def make(forger: Forger) -> Made | None:
        given = copy.deepcopy(forger.granted["authorization_details"])
        changed = [detail for granted in given if (detail := change(granted)) is not None]
        return claims(authorization_details=changed)(forger)

    return make


def _leaves(detail: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in detail.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, name))
        elif isinstance(value, str | int | float):
            yield (*path, name)


def _with(detail: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """A copy in which one value is replaced by another of its type."""
    changed = copy.deepcopy(dict(detail))
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    value = inner[path[-1]]
    inner[path[-1]] = (
        not value if isinstance(value, bool) else value + 1 if not isinstance(value, str) else f"{value}1"
    )
    return changed


def _one_leaf(number: int) -> Maker:
    """One of the members that this request needs is granted with another value."""

    def make(forger: Forger) -> Made | None:
        needed = forger.reach.details
        if needed is None:
            return NEEDS_UNKNOWN if number == 0 else None
        leaves = [path for path in _leaves(needed) if path != ("type",)]
        if number >= len(leaves):
            return None
        token = forger.token(authorization_details=[_with(needed, leaves[number])])
        return forger.attack(forger.headers(token))._replace(name=f" ({'.'.join(leaves[number])})")

    return make


NEEDS_UNKNOWN: Final = NotLookedAt(
    "which details are compared",
    "it is not known which authorization_details this request needs",
    "Reach(details=...) with what Access(details=...) returns for this request",
)
NO_DETAILS: Final = NotLookedAt(
    "authorization details",
    "the honest token has none",
    "find_holes(..., authorization_details=[...]) for a route that needs them",
)
_MOST_LEAVES: Final = 20

DETAILS: Final = Family(
    "authorization details that do not cover this request",
    means="A user consents to one payment, and another is made: to another payee, or of another amount.",
    clause="RFC 9396 9",
    remedy="Compare every member of what is executed with one granted detail of its type: payee, account, currency, "
    "amount, reference.",
    rows=(
        Row(
            "a token without the details",
            "the honest token, without authorization_details",
            claims(authorization_details=None),
        ),
        Row(
            "a token with no details",
            "the honest token, with an empty list",
            claims(authorization_details=[]),
        ),
        Row(
            "a token with details of another type",
            "the honest token, with its details under another type",
            _details(lambda detail: {**detail, "type": f"{detail['type']}_other"}),
        ),
        Row(
            "a token with details that say their type alone",
            "the honest token, with nothing but type in its details",
            _details(lambda detail: {"type": detail["type"]}),
        ),
        *(
            Row(
                f"a token with another value for what is needed, number {number + 1}",
                f"a token whose details differ in the needed value number {number + 1}",
                _one_leaf(number),
            )
            for number in range(_MOST_LEAVES)
        ),
    ),
    needs=lambda forger: None if forger.granted.get("authorization_details") else NO_DETAILS,
)


def _if_granted(claim: str, value: Any) -> Maker:
    return lambda forger: claims(**{claim: value})(forger) if claim in forger.granted else None


NO_STEP_UP: Final = NotLookedAt(
    "how the user signed in",
    "the honest token has neither acr nor auth_time",
    "find_holes(..., acr=..., auth_time=...) for a route that needs them",
)

AUTHENTICATION: Final = Family(
    "users who signed in otherwise",
    means="An operation that needs a strong or recent sign-in is executed after a weak or an old one.",
    clause="RFC 9470 3",
    remedy="Require acr and auth_time on the route. Refuse tokens without them, and times in the future.",
    rows=(
        Row("a token without acr", "the honest token, without acr", _if_granted("acr", None)),
        Row(
            "a token with another acr",
            "the honest token, with a made-up acr",
            _if_granted("acr", "fapikit-other"),
        ),
        Row(
            "a token without auth_time", "the honest token, without auth_time", _if_granted("auth_time", None)
        ),
        Row(
            "a user who signed in long ago",
            "the honest token, with an auth_time of a year ago",
            _if_granted("auth_time", lambda forger: forger.now() - 365 * 86_400),
        ),
        Row(
            "a user who will sign in tomorrow",
            "the honest token, with an auth_time of tomorrow",
            _if_granted("auth_time", lambda forger: forger.now() + 86_400),
        ),
    ),
    needs=lambda forger: None if {"acr", "auth_time"} & forger.granted.keys() else NO_STEP_UP,
)
FAMILIES: Final = (SCOPES, DETAILS, AUTHENTICATION)
