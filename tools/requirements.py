"""Which installed distributions a requirement leads to, by their own metadata."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def direct(requirement: Requirement) -> list[Requirement]:
    """What this one asks for itself, with its extras, on this Python and system. Raises PackageNotFoundError."""
    found = [Requirement(text) for text in distribution(requirement.name).requires or ()]
    extras = requirement.extras or {""}
    return [
        inner
        for inner in found
        if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def needed(requirements: Iterable[str]) -> frozenset[str]:
    """The distributions, except our own, that these requirements lead to. Raises PackageNotFoundError."""
    waiting = [Requirement(text) for text in requirements]
    seen = set[tuple[str, frozenset[str]]]()
    while waiting:
        requirement = waiting.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key not in seen:
            seen.add(key)
            waiting += direct(requirement)
    return frozenset(name for name, _ in seen) - {"fapikit"}
