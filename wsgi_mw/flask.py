"""For the views of a Flask app under `wsgi_mw.Protect`: `Access(...)`, `public()`, `current_token`.

    @app.post("/payments")
    @Access("payments", details=payment_of)
    def pay(): ...

Spec: FAPI2-SP 5.3.4-4; RFC 9396 9; RFC 9470 3
Role: RS
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Response, abort, current_app, request
from werkzeug.local import LocalProxy

from fapikit.errors import FapiError
from rskit import access as rules
from rskit.access import any_of, public
from rskit.consents import use as consents
from rskit.consents.ledger import Execute
from rskit.policy.checked_request import KEY, TOKEN_KEY, CheckedRequest
from rskit.policy.misplaced_access import remember_wrapped
from rskit.policy.reading_details import reading_details
from rskit.tokens.token import Token

F = TypeVar("F", bound=Callable[..., Any])


class Access(rules.Access):
    """A decorator for views. Put it below the route decorator. `details` is called with Flask's request."""

    __slots__ = ()

    def __call__(self, view: F) -> F:
        is_async = inspect.iscoroutinefunction(view)

        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            checked = current_checked_request()
            try:
                require(checked, self)
            except FapiError as error:
                if (refusal := checked.refuse(error)) is not None:
                    # Any answer will do: Protect sends the refusal instead.
                    return Response(status=refusal.status)
            return current_app.ensure_sync(view)(*args, **kwargs) if is_async else view(*args, **kwargs)

        remember_wrapped(view, self)
        return cast(F, self.mark(guarded))


def require(checked: CheckedRequest, access: rules.Access) -> Token:
    """The token, if it covers this view and this request. Raises the refusal."""
    token = checked.require(access)
    if access.fresh:
        token = checked.server.sync_driver.run(checked.require_fresh(access))
        request.environ[TOKEN_KEY] = token
    if access.details is not None:
        details = current_app.ensure_sync(access.details)
        with reading_details(access.details):
            needed = details(cast(LocalProxy[Any], request)._get_current_object())
        checked.require_details(access, needed, request.headers.getlist)
    return token


def once(name: str, ttl: float) -> bool:
    """True the first time that `name` is used within `ttl` seconds, across all workers that share the server's store.

    For a consent use `use_consent` instead. Raises StoreError if the store cannot answer; the request is then answered
    503.
    """
    checked = current_checked_request()
    return checked.server.sync_driver.run(checked.once(name, ttl))


def use_consent(execute: Execute) -> Any:
    """Execute what this request needs, once for the consent that covers it. Returns the outcome; a retry gets the same.

    `execute` is called with the `Reservation`. Its exceptions pass through. Raises Werkzeug's HTTPException if the
    request is refused. The refusal is sent, whatever happens to the exception.
    """
    checked = current_checked_request()
    flow = consents.use_consent(checked, current_app.ensure_sync(execute))
    try:
        return checked.server.sync_driver.run(flow)
    except FapiError as error:
        abort(Response(status=checked.stop(error).status))


def current_checked_request() -> CheckedRequest:
    """Raises RuntimeError without a Protect around the app."""
    checked = request.environ.get(KEY)
    if not isinstance(checked, CheckedRequest):
        raise RuntimeError("there is no wsgi_mw.Protect around this app: the request has not been checked")
    return checked


def _current_token() -> Token:
    return current_checked_request().require_token()


current_token = cast(Token, LocalProxy(_current_token))
"""The token of the current request."""

__all__ = ["Access", "any_of", "current_token", "once", "public", "use_consent"]
