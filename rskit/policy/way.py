"""The way from Protect to the endpoint that would answer a request, and what would run around that endpoint.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Way(NamedTuple):
    """From Protect to the endpoint that would answer a request.

    `route`: what identifies the endpoint in the framework; text is compared by value, anything else by identity.
    `public`: whether the endpoint is public, or may be. `layers`: the application code that would run around it.
    `gates`: how many routers are passed. `hides`: a layer that does not show what it calls, so that the way is unknown.
    """

    method: str
    path: str
    route: Any
    endpoint: Any
    public: bool
    layers: tuple[object, ...] = ()
    gates: int = 1
    hides: object = None

    def ends_as(self, other: Way) -> bool:
        """Whether both ways end at the same endpoint."""
        by_text = isinstance(self.route, str) and self.route == other.route
        same_route = self.route is other.route or by_text
        return same_route and self.endpoint is other.endpoint and self.method == other.method
