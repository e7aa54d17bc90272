"""The way through a WSGI app to a view of a Flask app in it: which would answer, and what would run around it.

It is read from the application's own objects: layers show by `app` what they wrap, dispatchers by `mounts`, Flask by
its URL map. The same walk follows one request, or lists all views for the audit.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from flask import Flask, Request, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from rskit.policy.anonymous_request import AnonymousRequest
from rskit.policy.around_public import is_own, replaced
from rskit.policy.public_access import PublicAccess
from rskit.policy.way import Way
from wsgi_mw.flask_hooks import CALLING, FRAMEWORKS, asked_of, hooks_of
from wsgi_mw.gate import FlaskGate, Gate, ViewGate
from wsgi_mw.view import Environ

_MOST_LAYERS: Final = 64


class _Trail(NamedTuple):
    """What the walk has passed, and the request as it is there; no request while all views are listed."""

    environ: Environ | None
    layers: tuple[object, ...] = ()
    path: str = ""
    hides: object = None

    def past(self, layers: Iterable[object]) -> _Trail:
        return self._replace(layers=(*self.layers, *layers))


def find_way(app: Any, environ: Environ, public_access: PublicAccess) -> Way | None:
    """The way that this request would take. None if no view takes it, or if that cannot be known."""
    return next(_Walk(public_access).through(app, _Trail(dict(environ))), None)


def find_way_from(app: Any, environ: Environ, anonymous: AnonymousRequest) -> Way | None:
    """The rest of the way, from a gate onwards."""
    return find_way(app, environ, anonymous.public_access)


def find_view(app: Flask, environ: Environ, anonymous: AnonymousRequest) -> Way | None:
    """The rest of the way, from where a Flask app starts a request."""
    return next(_Walk(anonymous.public_access).in_flask(app, _Trail(dict(environ))), None)


def view_at_hand(app: Flask, environ: Environ, anonymous: AnonymousRequest) -> Way | None:
    """The way to the view that a Flask app is about to call."""
    rule = request.url_rule
    return (
        None
        if rule is None
        else _Walk(anonymous.public_access).end(_Trail(environ), rule, _view_of(app, rule))
    )


def all_ways(app: Any, public_access: PublicAccess) -> Iterator[Way]:
    """The ways to all views, and to the other applications that a dispatcher chooses."""
    return _Walk(public_access).through(app, _Trail(None))


def flask_app_of(app: Any) -> Flask | None:
    """The Flask app that this `wsgi_app` belongs to."""
    owner = getattr(app, "__self__", None)
    return owner if isinstance(owner, Flask) and getattr(app, "__name__", "") == "wsgi_app" else None


class _Walk:
    """Follows one request, or all routes if the trail has no request."""

    def __init__(self, public_access: PublicAccess) -> None:
        self._public_access = public_access

    def through(self, node: Any, trail: _Trail) -> Iterator[Way]:
        """From an application onwards: past its layers, to a Flask app."""
        entered: Flask | None = None
        for _ in range(_MOST_LAYERS):
            flask_app = flask_app_of(node)
            if flask_app is not None:
                own = () if is_own(node, FRAMEWORKS) else (type(flask_app),)
                yield from self.in_flask(flask_app, trail.past(own))
                return
            if type(node) is DispatcherMiddleware:
                yield from self._dispatched(node, trail)
                return
            if isinstance(node, Flask):
                trail = trail.past(replaced(node, CALLING, FRAMEWORKS))
                entered, node = node, node.wsgi_app
                continue
            inner = getattr(node, "app", None)
            if inner is None:
                yield from self._beyond(node, entered, trail)
                return
            trail = trail if isinstance(node, Gate) else trail.past((node,))
            node = inner

    def _beyond(self, node: Any, entered: Flask | None, trail: _Trail) -> Iterator[Way]:
        """Behind a layer that does not show what it calls: an app that is known anyway, or nothing known."""
        if entered is not None:
            yield from self.in_flask(entered, trail.past((node,))._replace(hides=node))
        elif trail.environ is None:
            yield self.end(trail, None, node)

    def _dispatched(self, dispatcher: Any, trail: _Trail) -> Iterator[Way]:
        """Past werkzeug's dispatcher. A gate is put in front of each application that it can choose."""
        if trail.environ is None:
            for path, app in dispatcher.mounts.items():
                yield from self.through(app, trail._replace(path=trail.path + path))
            yield from self.through(dispatcher.app, trail)
            return
        dispatcher.app = _gated(dispatcher.app)
        dispatcher.mounts.update({path: _gated(app) for path, app in dispatcher.mounts.items()})
        chosen, environ = _choose(dispatcher, trail.environ)
        prefix = environ["SCRIPT_NAME"].removeprefix(trail.environ.get("SCRIPT_NAME", ""))
        yield from self.through(chosen, trail._replace(environ=environ, path=trail.path + prefix))

    def in_flask(self, app: Flask, trail: _Trail) -> Iterator[Way]:
        """To the view. Gates are put around it."""
        asked = tuple(asked_of(app))
        trail = trail.past(asked)
        if trail.environ is None:
            for rule in app.url_map.iter_rules():
                yield self._to_view(app, rule, trail)
        elif self._public_access.around_public.missing(asked):
            yield self.end(trail, None, None)._replace(public=True)  # it may be, as nothing is known
        else:
            rule = _matching(app, trail.environ)
            if rule is not None:
                way = self._to_view(app, rule, trail)
                if way.public:
                    _place_gates(app)
                yield way

    def _to_view(self, app: Flask, rule: Any, trail: _Trail) -> Way:
        way = self.end(trail, rule, _view_of(app, rule))
        return way._replace(layers=(*way.layers, *hooks_of(app, rule.endpoint))) if way.public else way

    def end(self, trail: _Trail, rule: Any, view: Any) -> Way:
        method = "" if trail.environ is None else trail.environ["REQUEST_METHOD"]
        path = trail.path + (rule.rule if rule is not None else "")
        public = rule is not None and self._public_access.is_public(view, path)
        return Way(method, path, rule, view, public, trail.layers, hides=trail.hides)


def _view_of(app: Flask, rule: Any) -> Any:
    return app.view_functions.get(rule.endpoint)


def _matching(app: Flask, environ: Environ) -> Any:
    """The rule under which Flask would call a view, or None. Flask itself is asked."""
    try:  # a Host that Flask refuses matches no rule
        adapter = app.create_url_adapter(Request(environ, populate_request=False))
        if adapter is None:
            return None
        rule, _ = adapter.match(return_rule=True)
    except HTTPException:
        return None
    automatic = getattr(rule, "provide_automatic_options", False)
    if environ["REQUEST_METHOD"] == "OPTIONS" and automatic:
        return None  # Flask answers by itself, and no view runs
    return rule


def _choose(dispatcher: Any, environ: Environ) -> tuple[Any, Environ]:
    """What werkzeug's dispatcher would call, and with what. The dispatcher itself is asked, with stand-ins mounted."""

    def chosen(app: Any) -> Any:
        return lambda changed, _: (app, changed)

    mounts = {path: chosen(app) for path, app in dispatcher.mounts.items()}
    asked: Any = DispatcherMiddleware(chosen(dispatcher.app), mounts)
    found: tuple[Any, Environ] = asked(dict(environ), None)
    return found


def _gated(app: Any) -> Gate:
    return app if isinstance(app, Gate) else Gate(app, find_way_from)


def _place_gates(app: Any) -> None:
    if not isinstance(vars(app).get("request_context"), FlaskGate):
        app.request_context = FlaskGate(app, find_view)
    if not isinstance(vars(app).get("dispatch_request"), ViewGate):
        app.dispatch_request = ViewGate(app, _environ_at_hand, view_at_hand)


def _environ_at_hand() -> Environ:
    return request.environ
