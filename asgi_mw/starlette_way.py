"""The way through a Starlette or FastAPI app: which endpoint would answer, and what would run around it.

It is read from the application's own objects: layers show by `app` what they wrap, routers show their `routes`. The
same walk follows one request, or lists all endpoints for the audit.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from starlette.applications import Starlette
from starlette.routing import Host, Match, Mount, Router

from asgi_mw.gate import Gate
from asgi_mw.starlette_closed import end_of_public
from asgi_mw.starlette_layers import FRAMEWORKS, convertors_of, layers_of, leads_to, shown, stack_of
from asgi_mw.view import Scope
from rskit.access import Access, is_public
from rskit.policy.anonymous_request import AnonymousRequest
from rskit.policy.around_public import replaced
from rskit.policy.public_access import PublicAccess
from rskit.policy.way import Way

_MOST_LAYERS: Final = 64
_CALLING: Final = frozenset({"__call__"})
_MATCHING: Final = frozenset({"matches"})
_STEPS_OF_ROUTERS: Final = frozenset({"__call__", "app", "handle", "matches"})
_STEPS_OF_ROUTES: Final = frozenset({"__call__", "handle", "get_route_handler"})


class _Trail(NamedTuple):
    """What the walk has passed, and the request as it is there; no request while all endpoints are listed."""

    scope: Scope | None
    layers: tuple[object, ...] = ()
    dependencies: tuple[object, ...] = ()
    path: str = ""
    mount: Any = None
    routers: tuple[Router, ...] = ()
    hides: object = None

    def past(self, layers: tuple[object, ...]) -> _Trail:
        return self._replace(layers=self.layers + layers) if layers else self

    def into(self, mount: Any) -> _Trail:
        passed = self.past(replaced(mount, _STEPS_OF_ROUTES, FRAMEWORKS))
        return passed._replace(path=self.path + getattr(mount, "path", ""), mount=mount, dependencies=())

    def depending_on(self, dependencies: Iterable[Any]) -> _Trail:
        """Adds the dependencies of a router.

        This toolkit's own Access is left out: it refuses without a token anyway.
        """
        called = (found.dependency for found in dependencies)
        others = tuple(call for call in called if call is not None and not isinstance(call, Access))
        return self._replace(dependencies=self.dependencies + others) if others else self

    def lists_again(self, router: Router) -> bool:
        return self.scope is None and any(passed is router for passed in self.routers)

    def changed(self, changes: Scope) -> _Trail:
        return self if self.scope is None else self._replace(scope={**self.scope, **changes})


def find_way(app: Any, scope: Scope, public_access: PublicAccess) -> Way | None:
    """The way that this request would take.

    None if no endpoint takes it, if that cannot be known, or if only endpoints that are not public can take it.
    """
    walk = _Walk(public_access, _method(scope), from_protect=True)
    return next(walk.through(app, _Trail(dict(scope))), None)


def find_way_from(router: Router, scope: Scope, anonymous: AnonymousRequest) -> Way | None:
    """The rest of the way, from a gate onwards."""
    walk = _Walk(anonymous.public_access, _method(scope))
    return next(walk.matched(router, _Trail(dict(scope), routers=(router,))), None)


def all_ways(app: Any, public_access: PublicAccess) -> Iterator[Way]:
    """The ways to all endpoints."""
    return _Walk(public_access, "").through(app, _Trail(None))


def _method(scope: Scope) -> str:
    return str(scope["method"]) if scope["type"] == "http" else "WEBSOCKET"


class _Walk:
    """Follows one request, or all routes if the trail has no request.

    `from_protect`: the walk follows a request from its beginning, so the full paths of the routes are known.
    """

    def __init__(self, public_access: PublicAccess, method: str, *, from_protect: bool = False) -> None:
        self._public_access = public_access
        self._method = method
        self._from_protect = from_protect

    def through(self, node: Any, trail: _Trail) -> Iterator[Way]:
        """From an application onwards: past its layers, to its router."""
        router: Router | None = None
        for _ in range(_MOST_LAYERS):
            if trail.mount is not None and is_public(node):
                yield self._end(trail, trail.mount, node)
                return
            if isinstance(node, Router):
                yield from self._routed(node, trail)
                return
            if isinstance(node, Starlette):
                trail = trail.past(replaced(node, _CALLING, FRAMEWORKS))
                root_path = getattr(node, "root_path", "")  # FastAPI's own setting
                trail = trail.changed({"root_path": root_path} if root_path else {})
                router, node = node.router, stack_of(node)
                continue
            inner = getattr(node, "app", None)
            if inner is None:
                yield from self._beyond(node, router, trail)
                return
            trail, node = trail.past(layers_of(node)), inner

    def _beyond(self, node: Any, router: Any, trail: _Trail) -> Iterator[Way]:
        """Behind a layer that does not show what it calls: a router that is known anyway, or nothing known."""
        if isinstance(router, Router):
            yield from self._routed(router, trail.past(layers_of(node))._replace(hides=shown(node)))
        elif trail.mount is not None or trail.scope is None:
            yield self._end(trail, trail.mount, node)

    def _routed(self, router: Router, trail: _Trail) -> Iterator[Way]:
        """Past the router's own layers. A gate is put in front of its routes."""
        if len(trail.routers) == _MOST_LAYERS or trail.lists_again(router):
            yield self._end(trail, trail.mount, None)  # an application that mounts itself
            return
        trail = trail.past(replaced(router, _STEPS_OF_ROUTERS, FRAMEWORKS))
        holder: Any = router
        name, node = "middleware_stack", holder.middleware_stack
        while not (isinstance(node, Gate) and node.router is router):
            if getattr(node, "__self__", None) is router:
                if trail.scope is not None:
                    setattr(holder, name, Gate(node, router, find_way_from))
                break
            trail, holder, name = trail.past(layers_of(node)), node, "app"
            node = getattr(node, "app", None)
            if node is None:
                trail = trail._replace(hides=shown(holder))
                break
        yield from self.matched(router, trail._replace(routers=(*trail.routers, router)))

    def matched(self, router: Router, trail: _Trail) -> Iterator[Way]:
        """From the router's own routes onwards."""
        trail = trail.depending_on(getattr(router, "dependencies", ()))
        routes = router.routes
        if self._from_protect:
            routes = routes[: end_of_public(router, trail.path, self._public_access)]
        for route in routes:
            asked = _asked_of(route)
            trail = trail.past(asked)
            if trail.scope is None:
                yield from self._at(route, trail)
                continue
            if asked and self._public_access.around_public.missing(asked):
                yield self._end(trail, route, None)._replace(public=True)  # it may be, as nothing is known
                return
            match, child = route.matches(trail.scope)
            if match is Match.FULL:
                yield from self._at(route, trail.changed(child))
                return
        if trail.scope is None:
            yield from self._frontends(router, trail)

    def _frontends(self, router: Any, trail: _Trail) -> Iterator[Way]:
        """FastAPI: files that are served if no route takes a request. They are never public."""
        for found in getattr(router, "_iter_low_priority_routes", tuple)():
            original = getattr(found, "original_route", found)
            for route in getattr(original, "routes", ()):
                path = trail.path + getattr(found, "frontend_prefix", "") + route.path
                yield self._end(trail._replace(path=path), route, None)

    def _at(self, route: Any, trail: _Trail) -> Iterator[Way]:
        if hasattr(route, "effective_candidates"):
            yield from self._included(route, trail)
        elif isinstance(route, Mount | Host):
            yield from self.through(route.app, trail.into(route))
        else:
            yield self._at_end(route, route, trail)

    def _included(self, router: Any, trail: _Trail) -> Iterator[Way]:
        """FastAPI: the routes of a router that another one includes, with what the inclusion adds."""
        trail = trail.depending_on(router.include_context.dependencies)
        trail = trail.depending_on(router.original_router.dependencies)
        if trail.scope is None:
            found = router.effective_candidates()
        else:
            _, child, route, context = router._match(trail.scope)  # FastAPI itself asks in this way
            trail = trail.changed(child)
            found = [context or route]
        for candidate in found:
            route = getattr(candidate, "starlette_route", None) or candidate
            if route is candidate and hasattr(candidate, "original_route"):
                yield self._at_end(candidate, candidate.original_route, trail)
            else:
                yield from self._at(route, trail)

    def _at_end(self, route: Any, original: Any, trail: _Trail) -> Way:
        """Past the code at the route itself."""
        trail = trail.past(replaced(original, _STEPS_OF_ROUTES, FRAMEWORKS))
        if hasattr(original, "dependant"):
            trail = trail.past(trail.dependencies)
        trail = trail._replace(path=trail.path + (getattr(route, "path", None) or ""))
        endpoint = getattr(route, "endpoint", None)
        node: Any = getattr(route, "app", None)
        for _ in range(_MOST_LAYERS):
            if leads_to(node, endpoint):
                return self._end(trail, route, endpoint)
            if getattr(node, "app", None) is None:
                break
            trail, node = trail.past(layers_of(node)), node.app
        return self._end(trail._replace(hides=shown(node)), route, endpoint)

    def _end(self, trail: _Trail, route: Any, endpoint: Any) -> Way:
        public = endpoint is not None and self._public_access.is_public(endpoint, trail.path)
        return Way(
            self._method, trail.path, route, endpoint, public, trail.layers, len(trail.routers), trail.hides
        )


def _asked_of(route: Any) -> tuple[object, ...]:
    """The application code that runs when a route is asked whether it takes a request."""
    found = replaced(getattr(route, "original_route", route), _MATCHING, FRAMEWORKS)
    found += convertors_of(getattr(route, "starlette_route", None) or route)
    if hasattr(route, "effective_candidates"):
        found += replaced(route.original_router, _STEPS_OF_ROUTERS, FRAMEWORKS)
        for candidate in route.effective_candidates():
            found += _asked_of(candidate)
    return found
