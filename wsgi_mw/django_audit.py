"""Lists every route of a Django project with its policy, and whether `ProtectMiddleware` is around them.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from rskit.access import ACCESS_MARK, Access
from rskit.policy.audit import RoutePolicy, RouteTable, checked
from rskit.policy.public_access import PublicAccess
from wsgi_mw.django import ProtectMiddleware
from wsgi_mw.django_settings import configured_public_access, configured_server
from wsgi_mw.django_way import all_ways, class_of, is_public, layers_inside, layers_outside


def audit(urlconf: str | None = None, *, every_route_explicit: bool = False) -> RouteTable:
    """The routes of ROOT_URLCONF or of another URLconf. As `asgi_mw.audit.audit`."""
    protects = _protects()
    public_accesses = [configured_public_access() for _ in protects]
    inside = (layers_inside(protects[-1]) or ()) if protects else ()
    found = (
        RoutePolicy(_methods(way.endpoint), way.path, _policy(way.endpoint)).without_token(
            way, public_accesses
        )
        for way in all_ways(urlconf, inside, public_accesses[-1] if public_accesses else PublicAccess())
    )
    resources = [configured_server().resource for _ in protects]
    outside = layers_outside(protects[0]) if protects else ()
    return checked(
        RouteTable(found, resources, outside, public_accesses), every_route_explicit=every_route_explicit
    )


def _protects() -> list[type]:
    layers = (import_string(name) for name in settings.MIDDLEWARE)
    return [layer for layer in layers if isinstance(layer, type) and issubclass(layer, ProtectMiddleware)]


def _methods(view: Any) -> tuple[str, ...]:
    """The methods of a class-based view. A function takes any method."""
    view_class = class_of(view)
    if view_class is None:
        return ("ANY",)
    names = getattr(view, "actions", None) or [  # a view set has its methods in the URLconf
        name for name in view_class.http_method_names if hasattr(view_class, name)
    ]
    return tuple(sorted(name.upper() for name in names if name not in ("head", "options")))


def _policy(view: Any) -> Access | str | None:
    if is_public(view):
        return "public"
    view_class = class_of(view)
    marked = getattr(view, ACCESS_MARK, None) or getattr(
        getattr(view_class, "dispatch", None), ACCESS_MARK, None
    )
    access = marked or getattr(view_class, "access", None)
    if isinstance(access, Mapping):
        return ", ".join(f"{method}: {rule!r}" for method, rule in access.items())
    if isinstance(access, Access):
        return access
    said = [*_of_methods(view, view_class), *_of_permissions(view, view_class)]
    return ", ".join(said) or None


def _of_methods(view: Any, view_class: Any) -> Iterator[str]:
    """The rules of single methods, such as the actions of a view set."""
    actions = getattr(view, "actions", None) or {
        name: name for name in ("get", "post", "put", "patch", "delete")
    }
    for method, name in actions.items():
        rule = getattr(getattr(view_class, name, None), ACCESS_MARK, None)
        if method != "head" and isinstance(rule, Access):
            yield f"{method.upper()}: {rule!r}"


def _of_permissions(view: Any, view_class: Any) -> Iterator[str]:
    """The Access rules among the permissions of a REST framework view."""
    own = getattr(view_class, "permission_classes", ())
    for permission in getattr(view, "initkwargs", {}).get("permission_classes", own):  # an action has its own
        rule = getattr(permission, "access", None)
        if isinstance(rule, Access):
            yield repr(rule)
