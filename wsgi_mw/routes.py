"""Which view a request would reach, asked of Flask's own URL map, and only for a request without credentials.

An application that is no Flask app is wholly protected.

Spec: FAPI2-SP 5.3.4-4 (RS-19)
Role: RS
"""

from __future__ import annotations

from typing import Any

from rskit.access import PUBLIC_MARK
from wsgi_mw.view import Environ


def find_view(app: Any, environ: Environ) -> Any:
    """The view function that Flask would call, or None."""
    flask_app = flask_app_of(app)
    if flask_app is None:
        return None
    from werkzeug.exceptions import HTTPException

    try:  # a Host that Flask refuses matches nothing
        adapter = flask_app.create_url_adapter(flask_app.request_class(environ))
        rule, _ = adapter.match(return_rule=True)
    except HTTPException:
        return None
    if environ["REQUEST_METHOD"] == "OPTIONS" and rule.provide_automatic_options:
        return None  # Flask answers by itself, and no view runs
    return flask_app.view_functions.get(rule.endpoint)


def is_public(view: Any) -> bool:
    return getattr(view, PUBLIC_MARK, False) is True


def flask_app_of(app: Any) -> Any:
    """The Flask app behind `app` or behind its bound `wsgi_app`, or None."""
    for candidate in (app, getattr(app, "__self__", None)):
        if is_flask_app(candidate):
            return candidate
    return None


def is_flask_app(app: Any) -> bool:
    return hasattr(app, "url_map") and hasattr(app, "view_functions")
