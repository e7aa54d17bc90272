"""Up to which route of a router a request without a token must be followed: behind the last public one, all refuse it.

So a stranger's request to an API in which nothing is public is refused without asking each of its routes.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from starlette.routing import Host, Mount, Router

from rskit.policy.public_access import PublicAccess

_MOST_ROUTERS: Final = 1024

Candidates = Callable[[], list[Any]]
"""FastAPI's list of the routes of an included router: another list once they have changed."""


class _Seen(NamedTuple):
    """What was found in a router, and the routes that it had then.

    A mark that is set on an endpoint later does not count: without a token it stays closed until the routes change.
    """

    router: Router
    routes: list[Any]
    included: tuple[tuple[Candidates, list[Any]], ...]
    end: int

    @property
    def holds(self) -> bool:
        return self.routes == self.router.routes and all(
            candidates_of() is candidates for candidates_of, candidates in self.included
        )


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
        seen = known[place] = _look(router, path, public_access)
    return seen.end


def _look(router: Router, path: str, public_access: PublicAccess) -> _Seen:
    routes: list[Any] = list(router.routes)
    included: list[tuple[Candidates, list[Any]]] = []
    end = 0
    for number, route in enumerate(routes, 1):
        if _may_be_public(route, path, public_access, included):
            end = number
    return _Seen(router, routes, tuple(included), end)


def _may_be_public(
    route: Any, path: str, public_access: PublicAccess, included: list[tuple[Candidates, list[Any]]]
) -> bool:
    """Whether the route is public, or may lead to a public one. What is mounted is not looked into: it may."""
    candidates_of = getattr(route, "effective_candidates", None)
    if candidates_of is not None:
        candidates = candidates_of()
        included.append((candidates_of, candidates))
        return any(_may_be_public(found, path, public_access, included) for found in candidates)
    route = getattr(route, "starlette_route", None) or route
    endpoint = getattr(route, "endpoint", None)
    if endpoint is None or isinstance(route, Mount | Host):
        return True
    return public_access.is_public(endpoint, path + (getattr(route, "path", None) or ""))
