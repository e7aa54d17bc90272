"""Checks the arguments of a middleware: an application, and a resource server object.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import Final

from fapikit.errors import ConfigurationError
from rskit.resource_server import ResourceServer

_MAKE_ONE: Final = "ResourceServer(resource=..., issuers=[Issuer(...)])"


def require_middleware_arguments(app: object, resource_server: object) -> None:
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


def require_resource_server(found: object, where: str) -> None:
    """Raises ConfigurationError."""
    if isinstance(found, type) and issubclass(found, ResourceServer):
        raise ConfigurationError(f"{where} takes a resource server object, not its class: {_MAKE_ONE}")
    if not isinstance(found, ResourceServer):
        raise ConfigurationError(
            f"{where} takes a resource server, not a {type(found).__name__}: {_MAKE_ONE}"
        )
