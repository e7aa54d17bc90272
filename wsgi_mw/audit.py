"""Lists every route of a Flask app with its policy, and its protection.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

import sys
from typing import Any

from fapikit.errors import ConfigurationError
from rskit.access import ACCESS_MARK, Access, is_public
from rskit.policy.audit import RoutePolicy, RouteTable, checked
from rskit.policy.misplaced_access import require_rules_in_force
from rskit.policy.public_access import PublicAccess
from rskit.policy.way import Way
from wsgi_mw.protect import Protect, has_rule

_UNKNOWN = "the routes of this application are not known: it is not a Flask app"


def audit(app: Any, *, every_route_explicit: bool = False) -> RouteTable:
    """The routes of a Flask app, and of the applications that a dispatcher chooses. As `asgi_mw.audit.audit`."""
    if "flask" not in sys.modules:
        raise ConfigurationError(_UNKNOWN)
    from wsgi_mw.flask_way import all_ways

    outside, protects, inner = _opened(app)
    public_accesses = [protect.public_access for protect in protects]
    ways = list(all_ways(inner, public_accesses[-1] if public_accesses else PublicAccess()))
    if all(way.route is None for way in ways):
        raise ConfigurationError(_UNKNOWN)
    require_rules_in_force(ways, has_rule)
    found = (
        RoutePolicy(_methods(way), way.path, _policy(way)).without_token(way, public_accesses) for way in ways
    )
    table = RouteTable(found, [protect.resource for protect in protects], outside, public_accesses)
    return checked(table, every_route_explicit=every_route_explicit)


def _opened(app: Any) -> tuple[list[object], list[Protect], Any]:
    """The layers outside of the first Protect, each Protect from the outside in, and the application in the last one.

    Raises ConfigurationError for a Protect that would call itself.
    """
    from flask import Flask

    from wsgi_mw.flask_way import flask_app_of

    outside: list[object] = []
    protects: list[Protect] = []
    entered: list[Any] = []
    node = inner = app
    while node is not None and flask_app_of(node) is None:
        if any(node is one for one in entered):
            raise ConfigurationError(
                "Protect calls itself: write app.wsgi_app = Protect(app.wsgi_app, resource_server)"
            )
        if isinstance(node, Flask):
            entered.append(node)
            node = node.wsgi_app
        elif isinstance(node, Protect):
            protects.append(node)
            node = inner = node.inner
        else:
            following = getattr(node, "app", None)
            if following is not None and not protects:
                outside.append(node)
            node = following
    return outside, protects, inner


def _methods(way: Way) -> tuple[str, ...]:
    return ("ANY",) if way.route is None else tuple(sorted(way.route.methods or ()))


def _policy(way: Way) -> Access | str | None:
    if isinstance(way.endpoint, Protect):
        return f"protected by {way.endpoint.resource}"
    if is_public(way.endpoint):
        return "public"
    access = getattr(way.endpoint, ACCESS_MARK, None)
    return access if isinstance(access, Access) else None
