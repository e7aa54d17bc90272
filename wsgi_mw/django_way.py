"""The way through a Django project: which view would answer, and what would run around it.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, get_resolver
from django.utils.module_loading import import_string

from rskit import access
from rskit.policy.around_public import is_own, name_of
from rskit.policy.public_access import PublicAccess
from rskit.policy.way import Way

_FRAMEWORKS: Final = frozenset({"django", "rest_framework"})
_STOCK: Final = frozenset(
    {
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    }
)
"""The middleware of `startproject`."""
_HANDLED: Final = (400, 403, 404, 500)


def layers_inside(middleware: type) -> tuple[object, ...] | None:
    """The project's own middleware after this one in MIDDLEWARE; None if this one is not there exactly once."""
    inside: list[object] = []
    for name in reversed(settings.MIDDLEWARE):
        found = import_string(name)
        if found is middleware:
            return None if settings.MIDDLEWARE.count(name) > 1 else tuple(_own(inside))
        inside.insert(0, found)
    return None


def layers_outside(middleware: type) -> tuple[object, ...]:
    """The project's own middleware before this one. It runs for everybody."""
    found = [import_string(name) for name in settings.MIDDLEWARE]
    return tuple(_own(found[: found.index(middleware)]))


def _own(layers: list[object]) -> Iterator[object]:
    return (layer for layer in layers if name_of(layer) not in _STOCK)


def find_way(request: HttpRequest, inside: tuple[object, ...], public_access: PublicAccess) -> Way | None:
    """The way that this request would take. None if no view takes it."""
    resolver = get_resolver(getattr(request, "urlconf", None))
    asked = _asked_of(resolver)
    if public_access.around_public.missing(asked):  # it may be public, as nothing is known
        return Way(request.method or "", request.path_info, None, None, public=True, layers=asked)
    try:
        match = resolver.resolve(request.path_info)
    except Resolver404:
        return None
    layers = (*inside, *asked, *_handlers_of(resolver))
    return _to_view(request, match, match.func, public_access)._replace(layers=layers)


def view_at_hand(request: HttpRequest, view: Any, public_access: PublicAccess) -> Way:
    """The way to the view that Django is about to call."""
    return _to_view(request, request.resolver_match, view, public_access)


def _to_view(request: HttpRequest, match: Any, view: Any, public_access: PublicAccess) -> Way:
    path = _joined("/", match.route)
    public = is_public(view) or public_access.public_routes.names(path)
    return Way(request.method or "", path, match.route, view, public)


def all_ways(urlconf: Any, inside: tuple[object, ...], public_access: PublicAccess) -> Iterator[Way]:
    """The ways to all views."""
    resolver = get_resolver(urlconf)
    layers = (*inside, *_asked_of(resolver), *_handlers_of(resolver))
    for pattern, path in _walk(resolver, "/"):
        view = getattr(pattern, "callback", None)
        if view is not None:
            public = is_public(view) or public_access.public_routes.names(path)
            yield Way("", path, pattern, view, public, layers)


def class_of(view: Any) -> Any:
    """The class of a class-based view, or of a view set; None for a function."""
    return getattr(view, "view_class", None) or getattr(view, "cls", None)


def is_public(view: Any) -> bool:
    """Whether the view itself is marked, or its own class. A subclass of a public class is not public."""
    return access.is_public(view) or access.is_public(class_of(view))


def _walk(resolver: Any, prefix: str) -> Iterator[tuple[Any, str]]:
    for pattern in resolver.url_patterns:
        path = _joined(prefix, str(pattern.pattern))
        yield pattern, path
        if hasattr(pattern, "url_patterns"):
            yield from _walk(pattern, path)


def _joined(prefix: str, route: str) -> str:
    """Joins routes as Django does for included URLs, regular expressions too."""
    return prefix + route.removeprefix("^")


@functools.lru_cache(maxsize=16)
def _asked_of(resolver: Any) -> tuple[object, ...]:
    """The project's code that runs when its URLs are asked which view takes a request."""
    found: dict[object, None] = {}
    for pattern, _ in _walk(resolver, ""):
        for one in (pattern, pattern.pattern, *getattr(pattern.pattern, "converters", {}).values()):
            if not is_own(one, _FRAMEWORKS):
                found[type(one)] = None
    return tuple(found)


@functools.lru_cache(maxsize=16)
def _handlers_of(resolver: Any) -> tuple[object, ...]:
    handlers = [resolver.resolve_error_handler(status) for status in _HANDLED]
    return tuple(handler for handler in handlers if not is_own(handler, _FRAMEWORKS))
