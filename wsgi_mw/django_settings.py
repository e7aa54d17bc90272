"""The settings of a Django project for `ProtectMiddleware`: the resource server, and what is public.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import Final, cast

from django.conf import settings

from rskit.policy.dotted_name import named_object
from rskit.policy.middleware_arguments import require_resource_server
from rskit.policy.public_access import PublicAccess
from rskit.resource_server import ResourceServer

_SERVER: Final = "FAPIKIT_RESOURCE_SERVER"


def configured_public_access() -> PublicAccess:
    """Which requests pass without a token, by the project's settings. Raises ConfigurationError."""
    named = getattr(settings, "FAPIKIT_AROUND_PUBLIC", ())
    routes = getattr(settings, "FAPIKIT_PUBLIC_ROUTES", ())
    return PublicAccess(named, routes, getattr(settings, "FAPIKIT_CORS", None))


def configured_server() -> ResourceServer:
    """The resource server of the project's settings. Raises ConfigurationError."""
    configured = getattr(settings, _SERVER, None)
    found = named_object(_SERVER, configured) if isinstance(configured, str) else configured
    require_resource_server(found, _SERVER)
    return cast(ResourceServer, found)
