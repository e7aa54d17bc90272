"""One entry of the `claims` parameter: null, or an object with `essential`, `value` or `values`.

Spec: OIDC 5.5, 5.5.1
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

PLACES: Final = ("userinfo", "id_token")
VERIFIED_CLAIMS: Final = "verified_claims"
"""The one claim whose request has a form of its own (OpenID Connect for Identity Assurance)."""


def faults_in(claims: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with a `claims` parameter: each member, and the rule that it breaks.

    Members that OpenID Connect does not define are ignored, as it demands.
    """
    if not isinstance(claims, Mapping):
        yield "claims", "must be a JSON object"
        return
    for place in PLACES:
        wishes = claims.get(place)
        if wishes is None:
            continue
        if not isinstance(wishes, Mapping):
            yield f"claims.{place}", "must be an object of claim requests"
            continue
        for name, wish in wishes.items():
            if name != VERIFIED_CLAIMS:
                yield from _faults_of(wish, f"claims.{place}.{name}")


def wishes_of(claims: Mapping[str, Any] | None, place: str) -> Mapping[str, Any]:
    """The requests for plain claims in one place, by name."""
    wishes = (claims or {}).get(place) or {}
    return {name: wish for name, wish in wishes.items() if name != VERIFIED_CLAIMS}


def is_essential(wish: Any) -> bool:
    return isinstance(wish, Mapping) and wish.get("essential") is True


def accepted_values(wish: Any) -> list[Any] | None:
    """The values that are requested; None: any."""
    if not isinstance(wish, Mapping):
        return None
    if "value" in wish:
        return [wish["value"]]
    values = wish.get("values")
    return None if values is None else list(values)


def accepts(wish: Any, value: Any) -> bool:
    """Whether a claim with this value is one that is requested."""
    accepted = accepted_values(wish)
    return accepted is None or any(_same(value, each) for each in accepted)


def _faults_of(wish: Any, path: str) -> Iterator[tuple[str, str]]:
    if wish is None:
        return
    if not isinstance(wish, Mapping):
        yield path, "must be null or an object"
        return
    if not isinstance(wish.get("essential", False), bool):
        yield f"{path}.essential", "must be true or false"
    if "value" in wish and "values" in wish:
        yield f"{path}.values", "must not stand beside value"
    elif "values" in wish and (not isinstance(wish["values"], list | tuple) or not wish["values"]):
        yield f"{path}.values", "must be an array with at least one value"


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal. To Python true is 1, and 1 is true: to JSON they are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
