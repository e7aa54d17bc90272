"""Reads a Django request for the check, under WSGI and under ASGI.

Spec: RFC 9449 4.3-9; RFC 8705 3b (RS-1, RS-12)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from django.http import HttpRequest

from fapikit.io.asgi_tls import shown_certificate
from rskit.forwarded import Forwarded, environ_key
from rskit.request_view import RequestView, rebuild_path
from wsgi_mw.view import certificate_of, raw_path, with_forwarded


def view_of(
    request: HttpRequest, identify: Callable[[str | None], str], keys: Collection[str] = ()
) -> RequestView:
    """`identify` returns the interaction id for a received one. `keys`: `Forwarded.environ_keys`."""
    meta = request.META
    scope = getattr(request, "scope", None)
    authorization, dpop = meta.get("HTTP_AUTHORIZATION"), meta.get("HTTP_DPOP")
    if scope is None:
        path = raw_path(meta)
        certificate = certificate_of(meta)
    else:
        raw = scope.get("raw_path")
        path = raw.decode("latin-1") if raw else rebuild_path(scope["path"])
        certificate = partial(shown_certificate, scope)
    return RequestView(
        request.method or "",
        path,
        meta.get("QUERY_STRING", ""),
        () if authorization is None else (authorization,),
        () if dpop is None else (dpop,),
        certificate,
        identify(meta.get("HTTP_X_FAPI_INTERACTION_ID")),
        forwarded=not meta.keys().isdisjoint(keys),
    )


def with_forwarded_of(request: HttpRequest, view: RequestView, forwarded: Forwarded) -> RequestView:
    """As for WSGI. `request.headers` is then made from the fields that are left."""
    meta, scope = request.META, getattr(request, "scope", None)
    found = with_forwarded(meta, view, forwarded)
    request.__dict__.pop("headers", None)
    if scope is not None:
        scope["headers"] = [
            (name, value)
            for name, value in scope["headers"]
            if name not in forwarded.octet_names or environ_key(str(name, "latin-1")) in meta
        ]
    return found


def is_of_several_processes(request: HttpRequest) -> bool:
    """What the WSGI server says. Under ASGI no server says it: Django sets the flag to True for old code."""
    return not hasattr(request, "scope") and bool(request.META.get("wsgi.multiprocess"))
