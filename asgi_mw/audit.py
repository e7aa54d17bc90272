"""Lists every route of a Starlette or FastAPI app with its policy, websockets and mounts included, and its protection.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

import sys
from typing import Any

from asgi_mw.protect import Protect
from asgi_mw.route_rules import access_among, has_rule
from fapikit.errors import ConfigurationError
from rskit.access import ACCESS_MARK, Access, is_public
from rskit.policy.audit import RoutePolicy, RouteTable, checked
from rskit.policy.misplaced_access import require_rules_in_force
from rskit.policy.public_access import PublicAccess
from rskit.policy.way import Way

_UNKNOWN = "the routes of this application are not known: it is not a Starlette or FastAPI app"


def audit(app: Any, *, every_route_explicit: bool = False) -> RouteTable:
    """The routes of `app`, and whether a `Protect` is around them. Pass the same object that the server runs.

    Under `Protect`, a route without a rule of its own accepts any valid token. `every_route_explicit` forbids this: it
    raises ConfigurationError with the names of such routes, so that the start-up fails.
    """
    if "starlette.applications" not in sys.modules:
        raise ConfigurationError(_UNKNOWN)
    from asgi_mw.starlette_way import all_ways

    outside, protects, inner = _opened(app)
    public_accesses = [protect.public_access for protect in protects]
    ways = list(all_ways(inner, public_accesses[-1] if public_accesses else PublicAccess()))
    if any(way.route is None for way in ways):
        raise ConfigurationError(_UNKNOWN)
    require_rules_in_force(ways, has_rule)
    found = (
        RoutePolicy(_methods(way.route), way.path, _policy(way)).without_token(way, public_accesses)
        for way in ways
    )
    table = RouteTable(found, [protect.resource for protect in protects], outside, public_accesses)
    return checked(table, every_route_explicit=every_route_explicit)


def _opened(app: Any) -> tuple[list[object], list[Protect], Any]:
    """The layers outside of the first Protect, each Protect from the outside in, and the application in the last."""
    from starlette.applications import Starlette
    from starlette.routing import Router

    from asgi_mw.starlette_layers import Declared, layers_of, stack_of

    outside: list[object] = []
    protects: list[Protect] = []
    node = inner = app
    while node is not None and not isinstance(node, Router):
        if isinstance(node, Declared) and node.makes(Protect):
            node = node.made()
        elif isinstance(node, Protect):
            protects.append(node)
            node = inner = node.inner
        elif isinstance(node, Starlette):
            node = stack_of(node)
        else:
            following = getattr(node, "app", None)
            if following is not None and not protects:
                outside += layers_of(node)
            node = following
    return outside, protects, inner


def _methods(route: Any) -> tuple[str, ...]:
    methods = getattr(route, "methods", None)
    if methods:
        return tuple(sorted(methods))
    return ("WEBSOCKET",) if "WebSocket" in type(route).__name__ else ("ANY",)


def _policy(way: Way) -> Access | str | None:
    route, endpoint = way.route, way.endpoint
    if isinstance(endpoint, Protect):
        return f"protected by {endpoint.resource}"
    if is_public(endpoint):
        return _required_around(route) or "public"
    access = getattr(endpoint, ACCESS_MARK, None)
    if isinstance(access, Access):
        return access
    if isinstance(endpoint, type):
        return _of_methods(endpoint)
    return access_among(getattr(route, "dependant", None))


def _required_around(route: Any) -> Access | None:
    """What a router requires of a public endpoint that it includes. A rule of its own would be a contradiction."""
    dependant = getattr(route, "dependant", None)
    around = [dependency.dependency for dependency in getattr(route, "dependencies", None) or ()]
    own = [found for found in getattr(dependant, "dependencies", ()) if found.call not in around]
    if any(isinstance(found.call, Access) or access_among(found) for found in own):
        raise ConfigurationError(
            f"{getattr(route, 'path', '')}: an endpoint is public or has an Access, not both: remove one of the two"
        )
    return access_among(dependant)


def _of_methods(endpoint: type) -> Access | str | None:
    """The policies of the methods of an endpoint class."""
    rules = {
        name: getattr(getattr(endpoint, name, None), ACCESS_MARK, None)
        for name in ("get", "post", "put", "patch", "delete", "head", "options")
        if hasattr(endpoint, name)
    }
    if not rules or None in rules.values():
        return None
    return ", ".join(f"{name}: {rule!r}" for name, rule in rules.items())
