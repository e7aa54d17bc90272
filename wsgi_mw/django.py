"""For Django, sync and async: `ProtectMiddleware`; `Access(...)` and `public()` for views; `request.auth`.

    MIDDLEWARE = ["wsgi_mw.django.ProtectMiddleware", ...]          # first, or after CORS handling
    FAPIKIT_RESOURCE_SERVER = "bank.api.resource_server"            # the object, or where to import it from

Django resolves a view once, and tells the middleware which: nothing is matched twice. CSRF protection is lifted only
for a request that a token has authenticated.

Spec: FAPI2-SP 5.3.4; RFC 6750 3
Role: RS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from rskit.access import PUBLIC_MARK, any_of, public
from rskit.answers.challenge import headers_of
from rskit.decision import Allow, Decision, Refusal
from rskit.errors import NoCredentials
from rskit.health import several_processes
from rskit.policy.admission import Admission
from rskit.policy.current import during
from rskit.policy.wiring import require_resource_server
from rskit.request_view import RequestView, rebuild_path
from rskit.resource_server import ResourceServer
from wsgi_mw.django_access import (
    Access,
    AccessRequiredMixin,
    admission_of,
    ause_consent,
    show,
    token_of,
    use_consent,
)
from wsgi_mw.stream import abounded, bounded
from wsgi_mw.view import certificate_of, raw_path

Answer = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class ProtectMiddleware:
    """Deny by default for a Django project."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Answer, resource_server: ResourceServer | None = None) -> None:
        self._get_response = get_response
        self._server = resource_server or configured_server()
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._acall(request)
        view = view_of(request, self._server.interaction_id)
        if (served := self._metadata(view)) is not None:
            return served
        if self._server.one_process and _is_of_several_processes(request):
            return self._render(self._server.refuse(several_processes(), view, None), view)
        decision = self._server.check(view)
        if isinstance(decision, Generator):
            decision = self._server.sync_driver.run(decision)
        refused = self._admit(request, view, decision)
        if refused is not None:
            return refused
        with during(admission_of(request)):
            response = cast(HttpResponseBase, self._get_response(request))
        return self._finish(request, response)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        view = view_of(request, self._server.interaction_id)
        if (served := self._metadata(view)) is not None:
            return served
        decision = self._server.check(view)
        if isinstance(decision, Generator):
            decision = await self._server.async_driver.run(decision)
        refused = self._admit(request, view, decision)
        if refused is not None:
            return refused
        with during(admission_of(request)):
            response = await cast(Awaitable[HttpResponseBase], self._get_response(request))
        return self._finish(request, response)

    def process_view(
        self, request: HttpRequest, view_func: Any, _args: Any, _kwargs: Any
    ) -> HttpResponseBase | None:
        """Django says which view it will call: without a token it must be a public one."""
        admission = admission_of(request)
        request.__dict__["_fapi_view_found"] = True
        if admission.token is not None or is_public(view_func):
            return None
        refusal = admission.refuse(NoCredentials("no access token came with the request"))
        return None if refusal is None else HttpResponse(status=refusal.status)

    def _admit(self, request: HttpRequest, view: RequestView, decision: Decision) -> HttpResponse | None:
        admission = Admission(self._server, view, None)
        request.__dict__["_fapi_admission"] = admission
        if isinstance(decision, Allow):
            admission.token = decision.token
            show(request, decision.token)
            request.__dict__["_dont_enforce_csrf_checks"] = True
        elif not isinstance(decision.error, NoCredentials) and not self._server.excuses(decision, view, None):
            return self._render(decision, view)
        return None

    def _finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        admission = admission_of(request)
        found = request.__dict__.get("_fapi_view_found", False)
        if admission.token is None and admission.refusal is None and not found and not _is_preflight(request):
            # No view was found for a request without a token: whether one exists is not for strangers.
            admission.refuse(NoCredentials("no access token came with the request"))
        if admission.refusal is not None:
            response.close()
            return self._render(admission.refusal, admission.view)
        if response.streaming and not response.has_header("content-length"):
            bound = abounded if response.is_async else bounded
            response.streaming_content = bound(response.streaming_content, admission)
        else:
            admission.over = True
        for name, value in self._server.response_headers(admission.view, nonce=True):
            response.headers[name] = value
        return response

    def _render(self, refusal: Refusal, view: RequestView) -> HttpResponse:
        response = _Refused(refusal)
        for name, value in self._server.response_headers(view, nonce=False):
            response.headers[name] = value
        return response

    def _metadata(self, view: RequestView) -> HttpResponse | None:
        if view.path != self._server.metadata_path or view.method not in ("GET", "HEAD"):
            return None
        return HttpResponse(self._server.metadata, headers=dict(self._server.metadata_headers()))


class _Refused(HttpResponse):  # type: ignore[misc] # Django has no types
    """A refusal; Django's header mapping holds one value per name, so several challenges go in by `items`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.body, status=refusal.status)
        del self.headers["content-type"]
        self._challenges = [value for name, value in refusal.headers if name == "www-authenticate"]
        for name, value in headers_of(refusal):
            self.headers[name] = value

    def items(self) -> Any:
        others = [(name, value) for name, value in self.headers.items() if name.lower() != "www-authenticate"]
        return [*others, *(("WWW-Authenticate", value) for value in self._challenges)]


def view_of(request: HttpRequest, identify: Callable[[str | None], str]) -> RequestView:
    """`identify` gives the interaction id for what came."""
    meta = request.META
    scope = getattr(request, "scope", None)
    authorization, dpop = meta.get("HTTP_AUTHORIZATION"), meta.get("HTTP_DPOP")
    if scope is None:
        path = raw_path(meta)
        certificate = certificate_of(meta)
    else:
        raw = scope.get("raw_path")
        path = raw.decode("latin-1") if raw else rebuild_path(scope["path"])
        certificate = partial(_certificate_of_scope, scope)
    return RequestView(
        request.method or "",
        path,
        meta.get("QUERY_STRING", ""),
        () if authorization is None else (authorization,),
        () if dpop is None else (dpop,),
        certificate,
        identify(meta.get("HTTP_X_FAPI_INTERACTION_ID")),
    )


def _certificate_of_scope(scope: Any) -> bytes | None:
    import ssl

    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain") or ()
    return ssl.PEM_cert_to_DER_cert(chain[0]) if chain else None


def class_of(view: Any) -> Any:
    """The class of a class-based view, or of a view set; None for a function."""
    return getattr(view, "view_class", None) or getattr(view, "cls", None)


def is_public(view: Any) -> bool:
    """Marked itself, or through its own class; a class that derives from a public one is not."""
    of_class = vars(class_of(view) or object).get(PUBLIC_MARK, False)
    return getattr(view, PUBLIC_MARK, False) is True or of_class is True


def _is_preflight(request: HttpRequest) -> bool:
    meta = request.META
    return (
        request.method == "OPTIONS" and "HTTP_ORIGIN" in meta and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in meta
    )


def _is_of_several_processes(request: HttpRequest) -> bool:
    """As a WSGI server says. Under ASGI nobody says: Django fills the flag in, for old code, with True."""
    return not hasattr(request, "scope") and bool(request.META.get("wsgi.multiprocess"))


def configured_server() -> ResourceServer:
    configured = getattr(settings, "FAPIKIT_RESOURCE_SERVER", None)
    found = import_string(configured) if isinstance(configured, str) else configured
    require_resource_server(found, "FAPIKIT_RESOURCE_SERVER")
    return cast(ResourceServer, found)


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
