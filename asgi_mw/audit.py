"""Every route of a Starlette or FastAPI app with its policy, websockets and mounts included, and what protects them.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import Any

from asgi_mw.protect import Protect
from asgi_mw.routes import is_public, walk
from fapikit.errors import ConfigurationError
from rskit.access import ACCESS_MARK, Access
from rskit.policy.audit import RoutePolicy, RouteTable, checked


def audit(app: Any, *, every_route_explicit: bool = False) -> RouteTable:
    """The routes of `app`, and whether a `Protect` is around them: give it what the server is given.

    Under `Protect` a route without a rule of its own takes any token that holds. `every_route_explicit` refuses that:
    it raises ConfigurationError, naming them, so that start-up fails.
    """
    routes, protected_by = _unwrap(app)
    found = (RoutePolicy(_methods(route), path, _policy(route)) for path, route in walk(routes))
    return checked(RouteTable(found, protected_by), every_route_explicit=every_route_explicit)


def _unwrap(app: Any) -> tuple[Any, list[str]]:
    """The routes, and the resource of each Protect around them, added ones too. Raises ConfigurationError."""
    protected_by: list[str] = []
    while app is not None:
        routes = getattr(app, "routes", None)
        if routes is not None:
            return routes, protected_by + _added(app)
        if isinstance(app, Protect):
            protected_by.append(app.resource)
            app = app.inner
        else:
            app = getattr(app, "app", None)
    raise ConfigurationError(
        "the routes of this application are not known: it is no Starlette or FastAPI app"
    )


def _added(app: Any) -> list[str]:
    """What `add_middleware` and `middleware=[...]` put around."""
    given = [layer for layer in getattr(app, "user_middleware", ()) if layer.cls is Protect]
    return [str((layer.kwargs.get("resource_server") or layer.args[0]).resource) for layer in given]


def _methods(route: Any) -> tuple[str, ...]:
    methods = getattr(route, "methods", None)
    if methods:
        return tuple(sorted(methods))
    return ("WEBSOCKET",) if "WebSocket" in type(route).__name__ else ("ANY",)


def _policy(route: Any) -> Access | str | None:
    endpoint = getattr(route, "endpoint", None) or getattr(route, "app", None)
    if isinstance(endpoint, Protect):
        return f"protected by {endpoint.resource}"
    if is_public(endpoint):
        return _required_around(route) or "public"
    access = getattr(endpoint, ACCESS_MARK, None)
    if isinstance(access, Access):
        return access
    if isinstance(endpoint, type):
        return _of_methods(endpoint)
    return _of_dependencies(getattr(route, "dependant", None))


def _required_around(route: Any) -> Access | None:
    """What a router demands of the public endpoint that it includes. What that demands itself is a contradiction."""
    dependant = getattr(route, "dependant", None)
    around = [dependency.dependency for dependency in getattr(route, "dependencies", None) or ()]
    own = [found for found in getattr(dependant, "dependencies", ()) if found.call not in around]
    if any(isinstance(found.call, Access) or _of_dependencies(found) for found in own):
        raise ConfigurationError(
            f"{getattr(route, 'path', '')}: an endpoint is public or has an Access, not both"
        )
    return _of_dependencies(dependant)


def _of_methods(endpoint: type) -> Access | str | None:
    """An endpoint class: what its methods say."""
    rules = {
        name: getattr(getattr(endpoint, name, None), ACCESS_MARK, None)
        for name in ("get", "post", "put", "patch", "delete", "head", "options")
        if hasattr(endpoint, name)
    }
    if not rules or None in rules.values():
        return None
    return ", ".join(f"{name}: {rule!r}" for name, rule in rules.items())


def _of_dependencies(dependant: Any) -> Access | None:
    """FastAPI: an Access among the dependencies, however deep."""
    for dependency in getattr(dependant, "dependencies", ()):
        call = dependency.call
        if isinstance(call, Access):
            return call
        nested = _of_dependencies(dependency)
        if nested is not None:
            return nested
    return None
