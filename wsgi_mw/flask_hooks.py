"""The application's own code that runs in a Flask app around one of its views.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flask import Flask, signals

from rskit.policy.around_public import is_own, replaced
from wsgi_mw.gate import FlaskGate, ViewGate

FRAMEWORKS: Final = frozenset({"flask", "werkzeug"})
CALLING: Final = frozenset({"__call__"})
_ASKING: Final = frozenset({"create_url_adapter"})
_STEPS: Final = CALLING.union(
    ("request_context", "app_context", "full_dispatch_request", "preprocess_request", "dispatch_request"),
    ("raise_routing_exception", "make_default_options_response", "ensure_sync", "async_to_sync"),
    (
        "make_response",
        "finalize_request",
        "process_response",
        "do_teardown_request",
        "do_teardown_appcontext",
    ),
    ("handle_user_exception", "handle_http_exception", "handle_exception", "log_exception"),
    ("trap_http_exception", "should_ignore_error"),
)
"""The methods that Flask calls for every request. An extension may replace one of them."""
_HOOKS: Final = (
    "url_value_preprocessors",
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
)
_CLASSES: Final = ("request_class", "response_class", "app_ctx_globals_class")
_SIGNALS: Final = (
    signals.appcontext_pushed,
    signals.request_started,
    signals.request_finished,
    signals.got_request_exception,
    signals.request_tearing_down,
    signals.appcontext_tearing_down,
    signals.appcontext_popped,
)


def hooks_of(app: Flask, endpoint: str) -> Iterator[object]:
    """Everything that runs around the view of this endpoint: hooks of the app, and of its blueprints."""
    yield from _steps_of(app, _STEPS)
    for name in (None, *_blueprints_of(endpoint)):
        for hooks in _HOOKS:
            yield from getattr(app, hooks).get(name, ())
        for by_class in app.error_handler_spec.get(name, {}).values():
            yield from by_class.values()
    yield from app.teardown_appcontext_funcs
    if not is_own(app.session_interface, FRAMEWORKS):
        yield app.session_interface
    for kind in _CLASSES:
        if not is_own(getattr(app, kind), FRAMEWORKS):
            yield getattr(app, kind)
    for signal in _SIGNALS:
        yield from signal.receivers_for(app)


def asked_of(app: Flask) -> Iterator[object]:
    """The application's code that runs when its URL map is asked which view takes a request."""
    yield from _steps_of(app, _ASKING)
    for made in (type(app.url_map), app.url_rule_class, *app.url_map.converters.values()):
        if not is_own(made, FRAMEWORKS):
            yield made


def _steps_of(app: Flask, steps: frozenset[str]) -> Iterator[object]:
    return (step for step in replaced(app, steps, FRAMEWORKS) if not isinstance(step, FlaskGate | ViewGate))


def _blueprints_of(endpoint: str) -> Iterator[str]:
    """`a.b` and `a` for the endpoint `a.b.view`."""
    name = endpoint.rpartition(".")[0]
    while name:
        yield name
        name = name.rpartition(".")[0]
