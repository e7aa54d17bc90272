"""For Django, sync and async: `ProtectMiddleware`; `Access(...)` and `public()` for views; `request.auth`.

    MIDDLEWARE = ["wsgi_mw.django.ProtectMiddleware", ...]          # first
    FAPIKIT_RESOURCE_SERVER = "bank.api.resource_server"            # the object, or its dotted name
    FAPIKIT_AROUND_PUBLIC = ["bank.middleware.Timing"]              # what else may run without a token
    FAPIKIT_PUBLIC_ROUTES = ["/accounts/login/"]                    # routes that are public without a mark
    FAPIKIT_CORS = Cors(origins={"https://shop.example"})           # which pages of other origins may call

Middleware after it in MIDDLEWARE runs without a token only around public views, and only if it is named or comes with
Django's `startproject`. CSRF protection is switched off only for a request that a token has authenticated.

Spec: FAPI2-SP 5.3.4; RFC 6750 3
Role: RS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from fapikit.errors import FapiError
from fapikit.http_message import Headers
from rskit.access import any_of, public
from rskit.answers import cors as pages
from rskit.answers.challenge import headers_of
from rskit.answers.cors import Cors, preflight_of_metadata
from rskit.answers.trace import LOGGER
from rskit.decision import Allow, Decision, Refusal
from rskit.errors import NoCredentials
from rskit.health import several_processes
from rskit.policy.anonymous_request import AnonymousRequest
from rskit.policy.checked_request import CheckedRequest
from rskit.policy.current import during
from rskit.policy.processes import require_known_processes
from rskit.request_view import RequestView
from rskit.resource_server import ResourceServer
from rskit.signed_messages.message_signing import SignedMessages
from wsgi_mw.django_access import (
    Access,
    AccessRequiredMixin,
    ause_consent,
    checked_request_of,
    show,
    token_of,
    use_consent,
)
from wsgi_mw.django_settings import configured_public_access, configured_server
from wsgi_mw.django_view import is_of_several_processes, view_of, with_forwarded_of
from wsgi_mw.django_way import find_way, layers_inside, view_at_hand
from wsgi_mw.stream import abounded, bounded

if TYPE_CHECKING:
    from rskit.http_signatures.checks import SignatureChecks
    from wsgi_mw.django_http_signatures import DjangoSignatures

Answer = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class ProtectMiddleware:
    """Requires a valid token for every view of a Django project, except the public ones."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Answer, resource_server: ResourceServer | None = None) -> None:
        self._get_response = get_response
        self._server = resource_server or configured_server()
        require_known_processes(self._server)
        self._inside = layers_inside(type(self))
        if self._inside is None:
            LOGGER.warning(
                "%s is not in MIDDLEWARE exactly once under its own name: what comes after it is not known, so public "
                "views are closed without a token",
                type(self).__name__,
            )
        self._cors: Cors | None = getattr(settings, "FAPIKIT_CORS", None)
        self._public_access = configured_public_access()
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        self._signatures: DjangoSignatures | None = None
        if self._server.http_signatures is not None:
            self._sign_messages(self._server.http_signatures)
        if self._server.messages is not None:
            self._get_response = _signing(self._get_response, self._server.messages, is_async=self._is_async)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._acall(request) if self._signatures is None else self._signed_acall(request)
        if self._signatures is None:
            return self._respond(request)
        return self._signatures.sign(request, self._respond(request))

    def _respond(self, request: HttpRequest) -> HttpResponseBase:
        view = view_of(request, self._server.interaction_id, self._server.forwarded.environ_keys)
        if (served := self._own_answer(request, view)) is not None:
            return served
        if view.forwarded:
            try:
                view = with_forwarded_of(request, view, self._server.forwarded)
            except FapiError as error:
                return self._render(request, self._server.refuse(error, view, None), view)
        if self._server.one_process and is_of_several_processes(request):
            return self._render(request, self._server.refuse(several_processes(), view, None), view)
        checked = CheckedRequest(self._server, view, None)
        del view  # error trackers show the variables of each frame that an exception passes
        decision = self._server.check(checked.view)
        if isinstance(decision, Generator):
            decision = self._server.sync_driver.run(decision)
        refused = self._admit(request, checked, decision)
        if refused is not None:
            return refused
        with during(checked_request_of(request)):
            response = cast(HttpResponseBase, self._get_response(request))
        return self._finish(request, response)

    def _sign_messages(self, checks: SignatureChecks) -> None:
        from wsgi_mw.django_http_signatures import DjangoSignatures

        self._signatures = made = DjangoSignatures(self._server, checks)
        views: Any = self._get_response
        self._get_response = made.achecked(views) if self._is_async else made.checked(views)

    async def _signed_acall(self, request: HttpRequest) -> HttpResponseBase:
        response = await self._acall(request)
        return response if self._signatures is None else await self._signatures.asign(request, response)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        view = view_of(request, self._server.interaction_id, self._server.forwarded.environ_keys)
        if (served := self._own_answer(request, view)) is not None:
            return served
        if view.forwarded:
            try:
                view = with_forwarded_of(request, view, self._server.forwarded)
            except FapiError as error:
                return self._render(request, self._server.refuse(error, view, None), view)
        checked = CheckedRequest(self._server, view, None)
        del view  # as in `__call__`
        decision = self._server.check(checked.view)
        if isinstance(decision, Generator):
            decision = await self._server.async_driver.run(decision)
        refused = self._admit(request, checked, decision)
        if refused is not None:
            return refused
        with during(checked_request_of(request)):
            response = await cast(Awaitable[HttpResponseBase], self._get_response(request))
        return self._finish(request, response)

    def process_view(
        self, request: HttpRequest, view_func: Any, _args: Any, _kwargs: Any
    ) -> HttpResponseBase | None:
        """The gate: Django passes the view that it will call. Without a token it must be the one that Protect found."""
        checked = checked_request_of(request)
        if checked.token is not None:
            return None
        if isinstance(checked, AnonymousRequest):
            passes = checked.passes(view_at_hand(request, view_func, self._public_access), last=True)
        else:  # refusals are only observed
            passes = checked.refuse(_no_token()) is None
        return None if passes else HttpResponse(status=401)

    def _admit(
        self, request: HttpRequest, checked: CheckedRequest, decision: Decision
    ) -> HttpResponse | None:
        view = checked.view
        if isinstance(decision, Allow):
            checked.token = decision.token
            show(request, decision.token)
            request.__dict__["_dont_enforce_csrf_checks"] = True
        elif (anonymous := self._anonymous(request, view, decision)) is not None:
            checked = anonymous
        elif not self._server.excuses(decision, view, None):
            return self._render(request, decision, view)
        request.__dict__["_fapi_checked_request"] = checked
        return None

    def _anonymous(
        self, request: HttpRequest, view: RequestView, refusal: Refusal
    ) -> AnonymousRequest | None:
        if not isinstance(refusal.error, NoCredentials):
            return None
        way = None if self._inside is None else find_way(request, self._inside, self._public_access)
        if way is None or not self._public_access.allows(way):
            return None
        return AnonymousRequest(self._server, view, way, self._public_access)

    def _finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        checked = checked_request_of(request)
        if isinstance(checked, AnonymousRequest) and not checked.reached:
            checked.refuse_other_answer(response.status_code)
        if checked.refusal is not None:
            response.close()
            return self._render(request, checked.refusal, checked.view)
        if response.streaming and not response.has_header("content-length"):
            bound = abounded if response.is_async else bounded
            response.streaming_content = bound(response.streaming_content, checked)
        else:
            checked.over = True
        if self._cors is not None:
            for name in [name for name in response.headers if name.lower().startswith(pages.PREFIX)]:
                del response.headers[name]
        self._add(response, request, checked.view, nonce=True)
        return response

    def _render(self, request: HttpRequest, refusal: Refusal, view: RequestView) -> HttpResponse:
        response = _Refused(refusal)
        self._add(response, request, view, nonce=False)
        return response

    def _add(
        self, response: HttpResponseBase, request: HttpRequest, view: RequestView, *, nonce: bool
    ) -> None:
        for name, value in self._server.response_headers(view, nonce=nonce):
            response.headers[name] = value
        for name, value in self._for_pages(request):
            if name == "vary":
                patch_vary_headers(response, [value])
            else:
                response.headers[name] = value

    def _for_pages(self, request: HttpRequest) -> Headers:
        origin = request.META.get("HTTP_ORIGIN")
        if self._cors is not None:
            return self._cors.of_answer(origin)
        return (pages.SHOWN,) if origin is not None else ()

    def _own_answer(self, request: HttpRequest, view: RequestView) -> HttpResponse | None:
        """The answers that need no token: the metadata, and a preflight."""
        is_metadata = view.path.endswith(self._server.metadata_path) and self._server.is_metadata(
            view.path, request.META.get("SCRIPT_NAME", "")
        )
        if is_metadata and view.method in ("GET", "HEAD"):
            return HttpResponse(self._server.metadata, headers=dict(self._server.metadata_headers()))
        meta = request.META
        origin = meta.get("HTTP_ORIGIN")
        if view.method != "OPTIONS" or origin is None or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in meta:
            return None
        if is_metadata:
            status, headers = preflight_of_metadata(meta.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"))
        elif self._cors is not None:
            status, headers = self._cors.preflight(origin)
        else:
            self._public_access.warn_of_preflight(origin)
            return None
        response = HttpResponse(status=status, headers=dict(headers))
        del response.headers["content-type"]  # the answer has no body
        return response


def _signing(views: Any, messages: SignedMessages, *, is_async: bool) -> Answer:
    from wsgi_mw.django_signed_messages import asigned, signed

    return asigned(views, messages) if is_async else signed(views, messages)


def _no_token() -> NoCredentials:
    return NoCredentials("no access token came with the request")


class _Refused(HttpResponse):  # type: ignore[misc] # Django has no types
    """A refusal. Django's header mapping has one value per name, so several challenges are added in `items`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.body, status=refusal.status)
        del self.headers["content-type"]
        self._challenges = [value for name, value in refusal.headers if name == "www-authenticate"]
        for name, value in headers_of(refusal):
            self.headers[name] = value

    def items(self) -> Any:
        others = [(name, value) for name, value in self.headers.items() if name.lower() != "www-authenticate"]
        return [*others, *(("WWW-Authenticate", value) for value in self._challenges)]


__all__ = [
    "Access",
    "AccessRequiredMixin",
    "ProtectMiddleware",
    "any_of",
    "ause_consent",
    "public",
    "token_of",
    "use_consent",
]
