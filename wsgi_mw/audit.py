"""Every route of a Flask app with its policy.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import Any

from fapikit.errors import ConfigurationError
from rskit.access import ACCESS_MARK, Access
from rskit.audit import RoutePolicy, checked
from wsgi_mw.routes import flask_app_of, is_public


def audit(app: Any, *, every_route_explicit: bool = False) -> list[RoutePolicy]:
    """The routes of a Flask app; as `asgi_mw.audit.audit`."""
    flask_app = flask_app_of(app)
    if flask_app is None:
        raise ConfigurationError("the routes of this application are not known: it is no Flask app")
    found = [
        RoutePolicy(
            tuple(sorted(rule.methods or ())), rule.rule, _policy(flask_app.view_functions[rule.endpoint])
        )
        for rule in flask_app.url_map.iter_rules()
    ]
    return checked(found, every_route_explicit=every_route_explicit)


def _policy(view: Any) -> Access | str | None:
    if is_public(view):
        return "public"
    access = getattr(view, ACCESS_MARK, None)
    return access if isinstance(access, Access) else None
