"""Inside of a WSGI app: only what a stranger was let in for goes on.

`Gate` stands in front of an application that a dispatcher chooses. In a Flask app one `FlaskGate` stands where a
request begins, before Flask has looked at it, and one where the view is called, after all hooks.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from rskit.errors import NoCredentials
from rskit.policy.admission import KEY
from rskit.policy.visit import Visit, Way, visit_in
from wsgi_mw.view import Environ

WSGIApp: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Find: TypeAlias = Callable[[Any, Environ, Visit], Way | None]
"""Of an application and a request as it came to it: what would answer."""


class Gate:
    """`app`: what stands behind it."""

    __slots__ = ("_find", "app")

    def __init__(self, app: WSGIApp, find: Find) -> None:
        self.app = app
        self._find = find

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        _require_asked(self.app, environ, self._find, last=False)
        return self.app(environ, start_response)


class FlaskGate:
    """In the place of one of an app's steps. `environ_of` gives the request's environ, of the step's arguments."""

    __slots__ = ("_app", "_environ_of", "_find", "_last", "_step")

    def __init__(
        self, app: Any, step: str, environ_of: Callable[..., Environ], find: Find, *, last: bool
    ) -> None:
        self._app = app
        self._step = getattr(app, step)
        self._environ_of = environ_of
        self._find = find
        self._last = last

    def __call__(self, *arguments: Any) -> Any:
        _require_asked(self._app, self._environ_of(*arguments), self._find, last=self._last)
        return self._step(*arguments)


def _require_asked(app: Any, environ: Environ, find: Find, *, last: bool) -> None:
    """Raises NoCredentials, which ends the request inside: Protect sends the refusal."""
    visit = visit_in(environ.get(KEY))
    if visit is not None and not visit.passes(find(app, environ, visit), last=last):
        raise NoCredentials("what would answer is not the public endpoint that was asked for")
