"""How Django views say which token they need: `Access(...)`, `AccessRequiredMixin`, `token_of(request)`.

    class Payments(AccessRequiredMixin, View):
        access = {"GET": Access("payments:read"), "POST": Access("payments", fresh=True)}

Spec: FAPI2-SP 5.3.4-4; RFC 9396 9; RFC 9470 3
Role: RS
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar, cast

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from fapikit.errors import ConfigurationError, FapiError
from rskit import access as rules
from rskit.access import PUBLIC_MARK
from rskit.consents import use as consents
from rskit.consents.ledger import Execute
from rskit.policy.checked_request import CheckedRequest
from rskit.policy.reading_details import reading_details
from rskit.tokens.token import Token

V = TypeVar("V", bound=Callable[..., Any])


class Access(rules.Access):
    """A decorator for sync and async views, and for methods of class-based views, directly or in `method_decorator`.

    It may be above or below `@api_view` and `@action` of REST framework. Below, `details` gets the framework's request.
    """

    __slots__ = ()

    def __call__(self, view: V) -> V:
        if iscoroutinefunction(view):

            @functools.wraps(view)
            async def guarded_async(*args: Any, **kwargs: Any) -> Any:
                request = _request_in(args)
                try:
                    await _arequire(checked_request_of(request), self, request)
                except FapiError as error:
                    if (refusal := checked_request_of(request).refuse(error)) is not None:
                        return HttpResponse(status=refusal.status)
                return await view(*args, **kwargs)

            return cast(V, self.mark(guarded_async))

        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            request = _request_in(args)
            try:
                require(checked_request_of(request), self, request)
            except FapiError as error:
                if (refusal := checked_request_of(request).refuse(error)) is not None:
                    return HttpResponse(status=refusal.status)
            return view(*args, **kwargs)

        return cast(V, self.mark(guarded))


class AccessRequiredMixin:
    """Put it left of the view in a class. `access` is one rule for all methods, or a dict with a rule for each.

    HEAD uses the rule of GET. OPTIONS needs none unless it is named. A method without a rule fails at start-up.
    """

    access: ClassVar[Access | Mapping[str, Access]]

    @classmethod
    def as_view(cls, *args: Any, **initkwargs: Any) -> Any:
        """Raises ConfigurationError if a method has no rule, or the class is public."""
        view = super().as_view(*args, **initkwargs)  # type: ignore[misc] # of the view class to the right
        if vars(cls).get(PUBLIC_MARK):
            raise ConfigurationError(
                f"{cls.__name__} is public or has an access, not both: remove one of the two"
            )
        for method in cls.http_method_names:  # type: ignore[attr-defined]
            _rule_for(cls, method.upper())
        return view

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        handle = super().dispatch  # type: ignore[misc]
        rule = _rule_for(self, request.method or "")  # again, because a view set gets its methods only now
        if rule is None:
            return handle(request, *args, **kwargs)

        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return handle(request, *args, **kwargs)

        async def answer_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return await handle(request, *args, **kwargs)

        is_async = getattr(self, "view_is_async", False)
        return rule(answer_async if is_async else answer)(request, *args, **kwargs)


def _rule_for(view: Any, method: str) -> Access | None:
    """The rule for one method; None if the view itself has no handler for it. Raises ConfigurationError."""
    access = getattr(view, "access", None)
    if isinstance(access, Mapping):
        access = access.get(method) or (access.get("GET") if method == "HEAD" else None)
    if isinstance(access, Access):
        return access
    if method != "OPTIONS" and hasattr(view, method.lower()):
        name = getattr(view, "__name__", type(view).__name__)
        raise ConfigurationError(
            f"{name} has no rule for {method}: set access to an Access, or to a dict of them by method"
        )
    return None


def require(checked: CheckedRequest, access: rules.Access, request: HttpRequest) -> None:
    """Check what a sync view requires of the request's token. Raises the refusal."""
    token = checked.require(access)
    if access.fresh:
        token = checked.server.sync_driver.run(checked.require_fresh(access))
        show(request, token)
    if access.details is not None:
        with reading_details(access.details):
            needed = access.details(request)
        checked.require_details(access, needed, partial(_header, request))


async def _arequire(checked: CheckedRequest, access: rules.Access, request: HttpRequest) -> None:
    token = checked.require(access)
    if access.fresh:
        token = await checked.server.async_driver.run(checked.require_fresh(access))
        show(request, token)
    if access.details is not None:
        with reading_details(access.details):
            needed = access.details(request)
            if inspect.isawaitable(needed):
                needed = await needed
        checked.require_details(access, needed, partial(_header, request))


def _header(request: HttpRequest, name: str) -> list[str]:
    value = request.headers.get(name)
    return [] if value is None else [value]


def show(request: HttpRequest, token: Token) -> None:
    """Store the token where views find it."""
    plain = django_request(request)
    plain.__dict__["access_token"] = plain.__dict__["auth"] = token
    if plain is not request:
        request.auth = token


def django_request(request: Any) -> HttpRequest:
    """Django's own request, which REST framework wraps in one of its own."""
    return cast(HttpRequest, getattr(request, "_request", request))


def _request_in(arguments: Sequence[Any]) -> Any:
    """The first argument of a view, the second of a method. Raises TypeError."""
    for found in arguments[:2]:
        if isinstance(django_request(found), HttpRequest):
            return found
    raise TypeError("Access must decorate a function that takes a request: a view, or a method of one")


def checked_request_of(request: HttpRequest) -> CheckedRequest:
    """Raises RuntimeError without ProtectMiddleware."""
    checked = django_request(request).__dict__.get("_fapi_checked_request")
    if not isinstance(checked, CheckedRequest):
        raise RuntimeError("ProtectMiddleware is not in MIDDLEWARE: the request has not been checked")
    return checked


def token_of(request: HttpRequest) -> Token:
    """The token of the request. Raises LookupError on a public view that was called without one."""
    return checked_request_of(request).require_token()


def use_consent(request: HttpRequest, execute: Execute) -> Any:
    """Execute what this request needs, once for the consent that covers it. Returns the outcome; a retry gets the same.

    `execute` is called with the `Reservation`. Its exceptions pass through. Raises PermissionDenied if the request is
    refused. The refusal is sent, whatever happens to the exception.
    """
    checked = checked_request_of(request)
    try:
        return checked.server.sync_driver.run(consents.use_consent(checked, execute))
    except FapiError as error:
        checked.stop(error)
        raise PermissionDenied from error


async def ause_consent(request: HttpRequest, execute: Execute) -> Any:
    """The same in an async view. A coroutine function is awaited."""
    checked = checked_request_of(request)
    try:
        return await checked.server.async_driver.run(consents.use_consent(checked, execute))
    except FapiError as error:
        checked.stop(error)
        raise PermissionDenied from error
