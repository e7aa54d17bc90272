"""Which endpoint a request would reach, asked of the application's router, only for a request without credentials.

Works for Starlette, FastAPI and whatever has `routes` with their `matches`; an application without is wholly protected.

Spec: FAPI2-SP 5.3.4-4 (RS-19)
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from asgi_mw.view import Scope
from rskit.access import PUBLIC_MARK


def find_endpoint(app: Any, scope: Scope) -> Any:
    """The endpoint that the router would call in full (path and method), or None."""
    routes = routes_of(app, scope)
    return None if routes is None else _match(routes, scope)


def routes_of(app: Any, scope: Scope) -> Any:
    """The routes of `app`, or of the application that says in the scope that it is being served; None if unknown."""
    routes = getattr(app, "routes", None)
    return getattr(scope.get("app"), "routes", None) if routes is None else routes


def is_public(endpoint: Any) -> bool:
    return getattr(endpoint, PUBLIC_MARK, False) is True


def _match(routes: Any, scope: Scope) -> Any:
    for route in routes:
        matches = getattr(route, "matches", None)
        if matches is None:
            return None  # an unknown kind of route may take the request: nothing can be said about it
        match, child = matches(scope)
        if match.name != "FULL":
            continue
        endpoint = child.get("endpoint")
        if is_public(endpoint):
            return endpoint
        inner = getattr(route, "routes", None)
        # A mounted application: its own routes decide, and nobody is asked after it.
        return _match(inner, {**scope, **child}) if inner else endpoint
    return None


def walk(routes: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All routes with their full paths, mounted ones included."""
    for route in routes:
        path = prefix + getattr(route, "path", "")
        inner = getattr(route, "routes", None)
        if inner:
            yield from walk(inner, path)
        else:
            yield path, route
