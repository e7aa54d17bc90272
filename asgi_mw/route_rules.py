"""The rule that a route of Starlette or FastAPI applies: of its endpoint, or among its dependencies.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import Any

from rskit.access import ACCESS_MARK, Access
from rskit.policy.way import Way


def has_rule(way: Way) -> bool:
    """Whether the route is public, or applies an Access."""
    marked = isinstance(getattr(way.endpoint, ACCESS_MARK, None), Access)
    return way.public or marked or access_among(getattr(way.route, "dependant", None)) is not None


def access_among(dependant: Any) -> Access | None:
    """FastAPI: an Access among the dependencies, at any depth."""
    for dependency in getattr(dependant, "dependencies", ()):
        call = dependency.call
        if isinstance(call, Access):
            return call
        nested = access_among(dependency)
        if nested is not None:
            return nested
    return None
