"""Up to which route of a router a request without a token must be followed: behind the last public one, all refuse it.

So a stranger's request to an API in which nothing is public is refused without asking each of its routes.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from starlette.applications import Starlette
from starlette.routing import Host, Mount, Router

from rskit.policy.public_access import PublicAccess

_MOST_ROUTERS: Final = 1024

Routes = Callable[[], list[Any]]
"""Where routes are listed: in a router, or in FastAPI's view of a router that another one includes."""


class _Seen(NamedTuple):
    """What was found in a router, and the lists of routes that were read for it, as they were then.

    A mark that is set on an endpoint later does not count: without a token it stays closed until the routes change.
    """

    router: Router
    lists: tuple[tuple[Routes, list[Any]], ...]
    end: int

    @property
    def holds(self) -> bool:
        return all(listed() == then for listed, then in self.lists)


_SEEN: Final[WeakKeyDictionary[PublicAccess, dict[tuple[int, str], _Seen]]] = WeakKeyDictionary()
"""By the router and the path at which it is mounted."""


def end_of_public(router: Router, path: str, public_access: PublicAccess) -> int:
    """How many of the router's routes, from the first on, a request without a token must be compared with."""
    known = _SEEN.setdefault(public_access, {})
    place = (id(router), path)
    seen = known.get(place)
    if seen is None or not seen.holds:
        if len(known) >= _MOST_ROUTERS:
            known.clear()
        seen = known[place] = _Look(public_access).at(router, path)
    return seen.end


class _Look:
    """One look at a router and at what it leads to. An application that is mounted is not looked into: it may."""

    def __init__(self, public_access: PublicAccess) -> None:
        self._public_access = public_access
        self._lists: list[tuple[Routes, list[Any]]] = []

    def at(self, router: Router, path: str) -> _Seen:
        end = 0
        for number, route in enumerate(self._listed(lambda: router.routes), 1):
            if self._may_be_public(route, path, (router,)):
                end = number
        return _Seen(router, tuple(self._lists), end)

    def _listed(self, routes: Routes) -> list[Any]:
        then = list(routes())
        self._lists.append((routes, then))
        return then

    def _may_be_public(self, route: Any, path: str, within: tuple[Router, ...]) -> bool:
        """Whether the route is public, or may lead to a public one."""
        candidates = getattr(route, "effective_candidates", None)
        if candidates is not None:
            return any(self._may_be_public(found, path, within) for found in self._listed(candidates))
        route = getattr(route, "starlette_route", None) or route
        path += getattr(route, "path", None) or ""
        if isinstance(route, Mount | Host):
            return self._may_lead_to_public(route.app, path, within)
        return self._public_access.is_public(getattr(route, "endpoint", None), path)

    def _may_lead_to_public(self, app: Any, path: str, within: tuple[Router, ...]) -> bool:
        if self._public_access.is_public(app, path):
            return True
        if not isinstance(app, Router):  # files that are served, or an application with layers of its own
            return isinstance(app, Starlette) or getattr(app, "app", None) is not None
        if any(app is passed for passed in within):
            return True  # it mounts itself
        inner = (*within, app)
        return any(self._may_be_public(route, path, inner) for route in self._listed(lambda: app.routes))
