"""Inside of a WSGI app: stops a request without a token from reaching any but the found view.

`Gate` is in front of an application that a dispatcher chooses. In a Flask app, `FlaskGate` is where a request starts,
before Flask reads it, and `ViewGate` is where the view is called, after all hooks.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from rskit.errors import NoCredentials
from rskit.policy.anonymous_request import AnonymousRequest, anonymous_request_in
from rskit.policy.checked_request import KEY
from rskit.policy.current import CURRENT
from rskit.policy.way import Way
from wsgi_mw.view import Environ

WSGIApp: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Find: TypeAlias = Callable[[Any, Environ, AnonymousRequest], Way | None]
"""Takes an application and a request as it arrived there; returns the way to what would answer."""


class Gate:
    """`app`: the application behind the gate."""

    __slots__ = ("_find", "app")

    def __init__(self, app: WSGIApp, find: Find) -> None:
        self.app = app
        self._find = find

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        _require_asked(self.app, environ, self._find, last=False)
        return self.app(environ, start_response)


class FlaskGate:
    """Replaces `request_context`, with which a Flask app starts a request."""

    __slots__ = ("_app", "_find", "_step")

    def __init__(self, app: Any, find: Find) -> None:
        self._app = app
        self._find = find
        self._step = app.request_context

    def __call__(self, environ: Environ) -> Any:
        checked = environ.get(KEY)
        if checked is None or type(checked) is AnonymousRequest:
            _require_asked(self._app, environ, self._find, last=False)
        return self._step(environ)


class ViewGate:
    """Replaces `dispatch_request`, with which Flask calls a view. `environ` returns that of the current request."""

    __slots__ = ("_app", "_environ", "_find", "_step")

    def __init__(self, app: Any, environ: Callable[[], Environ], find: Find) -> None:
        self._app = app
        self._environ = environ
        self._find = find
        self._step = app.dispatch_request

    def __call__(self, *arguments: Any) -> Any:
        checked = CURRENT.get()  # asking Flask for its request costs more than everything else here
        if checked is None or type(checked) is AnonymousRequest:
            _require_asked(self._app, self._environ(), self._find, last=True)
        return self._step(*arguments)


def _require_asked(app: Any, environ: Environ, find: Find, *, last: bool) -> None:
    """Raises NoCredentials, which ends the request inside. Protect then sends the refusal."""
    anonymous = anonymous_request_in(environ.get(KEY))
    if anonymous is not None and not anonymous.passes(find(app, environ, anonymous), last=last):
        raise NoCredentials("the view that would answer is not the public one that was requested")
