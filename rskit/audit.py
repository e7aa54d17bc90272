"""A route with its policy, as the audits of both skins list it.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import NamedTuple

from fapikit.errors import ConfigurationError
from rskit.access import Access


class RoutePolicy(NamedTuple):
    """`policy`: the route's Access, "public", a description, or None: any token that holds."""

    methods: tuple[str, ...]
    path: str
    policy: Access | str | None

    def __str__(self) -> str:
        return f"{' '.join(self.methods):24} {self.path:40} {self.policy or 'any token that holds'}"


def checked(found: list[RoutePolicy], *, every_route_explicit: bool) -> list[RoutePolicy]:
    """The list as it is. Raises ConfigurationError if a rule is demanded of each route and one has none."""
    silent = [route for route in found if route.policy is None]
    if every_route_explicit and silent:
        named = ", ".join(f"{' '.join(route.methods)} {route.path}" for route in silent)
        raise ConfigurationError(f"routes with neither Access nor public(): {named}", facts={"routes": named})
    return found
