"""Checks the arguments of a middleware: an application of its own interface, and a resource server object.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import Final, Literal

from fapikit.errors import ConfigurationError
from rskit.resource_server import ResourceServer

_MAKE_ONE: Final = "ResourceServer(resource=..., issuers=[Issuer(...)])"

Interface = Literal["ASGI", "WSGI"]

_KNOWN: Final[dict[str, Interface]] = {
    "starlette.applications.Starlette": "ASGI",
    "starlette.routing.Router": "ASGI",
    "django.core.handlers.asgi.ASGIHandler": "ASGI",
    "quart.app.Quart": "ASGI",
    "asgi_mw.protect.Protect": "ASGI",
    "flask.app.Flask": "WSGI",
    "werkzeug.middleware.dispatcher.DispatcherMiddleware": "WSGI",
    "django.core.handlers.wsgi.WSGIHandler": "WSGI",
    "wsgi_mw.protect.Protect": "WSGI",
}


def require_middleware_arguments(app: object, resource_server: object, interface: Interface) -> None:
    """Raises ConfigurationError with the correct call."""
    if isinstance(app, ResourceServer):
        raise ConfigurationError("the arguments are swapped: write Protect(app, resource_server)")
    require_resource_server(resource_server, "Protect(app, resource_server)")
    if isinstance(app, type) and any("__call__" in vars(base) for base in app.__mro__):
        raise ConfigurationError(
            f"Protect(app, resource_server) takes an application object: {app.__name__}(...), not its class"
        )
    if not callable(app):
        raise ConfigurationError(
            f"Protect(app, resource_server) takes an application, not a {type(app).__name__}"
        )
    found = _interface_of(app)
    if found is not None and found != interface:
        raise ConfigurationError(
            f"{interface.lower()}_mw.Protect takes an application of {interface}, and this is one of {found}: "
            f"use {found.lower()}_mw.Protect"
        )


def _interface_of(app: object) -> Interface | None:
    """The interface of an application of a known framework. Classes are known by name, so nothing is imported."""
    if getattr(app, "__name__", "") == "wsgi_app":  # app.wsgi_app = Protect(app.wsgi_app, ...)
        app = getattr(app, "__self__", app)
    names = (f"{base.__module__}.{base.__qualname__}" for base in type(app).__mro__)
    return next((_KNOWN[name] for name in names if name in _KNOWN), None)


def require_resource_server(found: object, where: str) -> None:
    """Raises ConfigurationError."""
    if isinstance(found, type) and issubclass(found, ResourceServer):
        raise ConfigurationError(f"{where} takes a resource server object, not its class: {_MAKE_ONE}")
    if not isinstance(found, ResourceServer):
        raise ConfigurationError(
            f"{where} takes a resource server, not a {type(found).__name__}: {_MAKE_ONE}"
        )
