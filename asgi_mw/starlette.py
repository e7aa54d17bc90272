"""For the routes of a Starlette app under `asgi_mw.Protect`: `Access(...)`, `public()`, `token_of(request)`.

    @Access("payments", details=payment_of)
    async def pay(request: Request) -> Response: ...

Spec: FAPI2-SP 5.3.4-4; RFC 9396 9; RFC 9470 3
Role: RS
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from asgi_mw.stream import POLICY_VIOLATION
from fapikit.errors import FapiError
from rskit import access as rules
from rskit.access import any_of, public
from rskit.consents import use as consents
from rskit.consents.ledger import Execute
from rskit.decision import Refusal
from rskit.policy.checked_request import KEY, CheckedRequest
from rskit.policy.misplaced_access import remember_wrapped
from rskit.policy.reading_details import reading_details
from rskit.tokens.token import Token

F = TypeVar("F", bound=Callable[..., Any])


class Access(rules.Access):
    """A decorator for endpoint functions, and for the methods of endpoint classes; websockets too."""

    __slots__ = ()

    def __call__(self, endpoint: F) -> F:
        is_async = inspect.iscoroutinefunction(endpoint)
        of_token_alone = not self.fresh and self.details is None

        @functools.wraps(endpoint)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            connection = args[0] if args and type(args[0]) is Request else _connection_of(args, kwargs)
            checked = checked_request_of(connection)
            try:
                if of_token_alone:
                    checked.require(self)
                else:
                    await require(checked, self, connection)
            except FapiError as error:
                if (refusal := checked.refuse(error)) is not None:
                    return await _refused(refusal, connection)
            if is_async:
                return await endpoint(*args, **kwargs)
            return await run_in_threadpool(endpoint, *args, **kwargs)

        remember_wrapped(endpoint, self)
        return self.mark(guarded)  # type: ignore[return-value]


async def require(checked: CheckedRequest, access: rules.Access, connection: HTTPConnection) -> Token:
    """The token, if it covers this route and this request. Raises the refusal."""
    token = checked.require(access)
    if access.fresh:
        token = connection.scope["auth"] = connection.scope["user"] = await checked.server.async_driver.run(
            checked.require_fresh(access)
        )
    if access.details is not None:
        with reading_details(access.details):
            needed = access.details(connection)
            if inspect.isawaitable(needed):
                needed = await needed
        checked.require_details(access, needed, connection.headers.getlist)
    return token


def token_of(connection: HTTPConnection) -> Token:
    """The token of the request. Raises LookupError on a public route that was called without one."""
    return checked_request_of(connection).require_token()


def checked_request_of(connection: HTTPConnection) -> CheckedRequest:
    """Raises RuntimeError without a Protect around the app."""
    checked = connection.scope.get(KEY)
    if not isinstance(checked, CheckedRequest):
        raise RuntimeError("there is no asgi_mw.Protect around this app: the request has not been checked")
    return checked


async def once(connection: HTTPConnection, name: str, ttl: float) -> bool:
    """True the first time that `name` is used within `ttl` seconds, across all workers that share the server's store.

    For a consent use `use_consent` instead. Raises StoreError if the store cannot answer; the request is then answered
    503.
    """
    checked = checked_request_of(connection)
    return await checked.server.async_driver.run(checked.once(name, ttl))


async def use_consent(connection: HTTPConnection, execute: Execute) -> Any:
    """Execute what this request needs, once for the consent that covers it. Returns the outcome; a retry gets the same.

    `execute` is called with the `Reservation`, and awaited if it is a coroutine function. Its exceptions pass through.
    Raises HTTPException if the request is refused. The refusal is sent, whatever happens to the exception.
    """
    checked = checked_request_of(connection)
    try:
        return await checked.server.async_driver.run(consents.use_consent(checked, execute))
    except FapiError as error:
        raise HTTPException(checked.stop(error).status) from error


def use_consent_sync(connection: HTTPConnection, execute: Execute) -> Any:
    """The same for a handler that is a plain function. Starlette runs such a handler in a thread."""
    checked = checked_request_of(connection)
    try:
        return checked.server.sync_driver.run(consents.use_consent(checked, execute))
    except FapiError as error:
        raise HTTPException(checked.stop(error).status) from error


async def _refused(refusal: Refusal, connection: HTTPConnection) -> Response | None:
    """Any answer will do: Protect sends the refusal instead."""
    if isinstance(connection, WebSocket):
        await connection.close(POLICY_VIOLATION)
        return None
    return Response(status_code=refusal.status)


def _connection_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> HTTPConnection:
    for value in (*args, *kwargs.values()):
        if isinstance(value, HTTPConnection):
            return value
    raise TypeError("an endpoint under Access must take the request or the websocket as an argument")


__all__ = ["Access", "any_of", "once", "public", "token_of", "use_consent", "use_consent_sync"]
