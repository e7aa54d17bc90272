"""The way from the door of an application to what would answer a request, and what would run around that.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Way(NamedTuple):
    """From the door to what would answer a request.

    `route`: what the framework knows the endpoint by; text is compared as text, all else by identity. `public`: whether
    the endpoint is, or may be. `layers`: what of the application would run around it. `gates`: so many routers are
    passed. `hides`: what does not show where it leads, so that it is not known whether the way is this one.
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
        """Whether both end at one endpoint, asked in one way."""
        by_text = isinstance(self.route, str) and self.route == other.route
        same_route = self.route is other.route or by_text
        return same_route and self.endpoint is other.endpoint and self.method == other.method
