"""Every route of a Flask app with its policy, and what protects them.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import Any

from fapikit.errors import ConfigurationError
from rskit.access import ACCESS_MARK, Access
from rskit.policy.audit import RoutePolicy, RouteTable, checked
from wsgi_mw.protect import Protect
from wsgi_mw.routes import is_flask_app, is_public


def audit(app: Any, *, every_route_explicit: bool = False) -> RouteTable:
    """The routes of a Flask app; as `asgi_mw.audit.audit`."""
    flask_app, protected_by = _unwrap(app)
    found = (
        RoutePolicy(
            tuple(sorted(rule.methods or ())), rule.rule, _policy(flask_app.view_functions[rule.endpoint])
        )
        for rule in flask_app.url_map.iter_rules()
    )
    return checked(RouteTable(found, protected_by), every_route_explicit=every_route_explicit)


def _unwrap(app: Any) -> tuple[Any, list[str]]:
    """The Flask app, and the resource of each Protect around it or around its `wsgi_app`. Raises ConfigurationError."""
    protected_by: list[str] = []
    flask_app: Any = None
    while app is not None:
        if is_flask_app(app):
            if app is flask_app:
                raise ConfigurationError(
                    "Protect calls itself: it is app.wsgi_app = Protect(app.wsgi_app, resource_server)"
                )
            flask_app, app = app, app.wsgi_app
        elif is_flask_app(getattr(app, "__self__", None)):
            return app.__self__, protected_by  # its own wsgi_app: there is nothing further in
        elif isinstance(app, Protect):
            protected_by.append(app.resource)
            app = app.inner
        else:
            app = getattr(app, "app", None)
    if flask_app is None:
        raise ConfigurationError("the routes of this application are not known: it is no Flask app")
    return flask_app, protected_by  # behind a layer that does not say what it is around


def _policy(view: Any) -> Access | str | None:
    if is_public(view):
        return "public"
    access = getattr(view, ACCESS_MARK, None)
    return access if isinstance(access, Access) else None
