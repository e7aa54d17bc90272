"""Which endpoint a request would reach, asked of the application's router, only for a request without credentials.

Works for Starlette, FastAPI and whatever has `routes` with their `matches`; an application without is wholly protected.

Spec: FAPI2-SP 5.3.4-4 (RS-19)
Role: RS
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

from asgi_mw.view import Scope
from rskit.access import PUBLIC_MARK

NOBODY: Final = object()
"""No endpoint takes the request in full, path and method."""


def find_endpoint(app: Any, scope: Scope) -> Any:
    """The endpoint that the router would call, NOBODY, or None where that cannot be told."""
    routes = _routes_of(app, scope)
    return None if routes is None else _match(routes, scope)


def is_public(endpoint: Any) -> bool:
    """Whether the endpoint itself is marked; a class that derives from a public one is not."""
    if inspect.isclass(endpoint):
        return vars(endpoint).get(PUBLIC_MARK) is True
    return getattr(endpoint, PUBLIC_MARK, False) is True


def _routes_of(app: Any, scope: Scope) -> Any:
    """The routes of `app` or of what it wraps; None if unknown.

    What the scope calls the application served is believed outside of mounts only: inside it may be the outer one.
    """
    while app is not None:
        routes = getattr(app, "routes", None)
        if routes is not None:
            return routes
        app = getattr(app, "app", None)
    root = scope.get("root_path", "")
    return getattr(scope.get("app"), "routes", None) if scope.get("app_root_path", root) == root else None


def _match(routes: Any, scope: Scope) -> Any:
    for route in routes:
        matches = getattr(route, "matches", None)
        if matches is None:
            return None  # an unknown kind of route may take the request: nothing can be said about it
        match, child = matches(scope)
        if match.name == "FULL":
            return _endpoint_of(route, child, scope)
    return NOBODY


def _endpoint_of(route: Any, child: Scope, scope: Scope) -> Any:
    endpoint = child.get("endpoint")
    if is_public(endpoint):
        return endpoint
    inner = getattr(route, "routes", None)
    if inner:  # a mounted application: its own routes decide, and nobody is asked after it
        return _match(inner, {**scope, **child})
    select = getattr(route, "_match", None)
    if endpoint is None and select is not None:  # a router that FastAPI includes, and asks in this way itself
        _, child, selected, _ = select(scope)
        return _endpoint_of(selected, child, scope)
    return endpoint


def walk(routes: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All routes with their full paths, mounted and included ones too."""
    for route in routes:
        path = prefix + (getattr(route, "path", None) or "")
        inner = getattr(route, "routes", None)
        contexts = getattr(route, "effective_route_contexts", None)
        if inner:
            yield from walk(inner, path)
        elif contexts is not None:  # FastAPI: an included router, its routes with what the inclusion adds
            yield from walk([context.starlette_route or context for context in contexts()], prefix)
        else:
            yield path, route
