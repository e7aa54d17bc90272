"""The settings of a Django project for `ProtectMiddleware`: the resource server, and what is public.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from rskit.policy.middleware_arguments import require_resource_server
from rskit.policy.public_access import PublicAccess
from rskit.resource_server import ResourceServer


def configured_public_access() -> PublicAccess:
    """Which requests pass without a token, by the project's settings. Raises ConfigurationError."""
    named = getattr(settings, "FAPIKIT_AROUND_PUBLIC", ())
    if isinstance(named, list | tuple | set | frozenset):
        named = [import_string(one) if isinstance(one, str) else one for one in named]
    routes = getattr(settings, "FAPIKIT_PUBLIC_ROUTES", ())
    return PublicAccess(named, routes, getattr(settings, "FAPIKIT_CORS", None))


def configured_server() -> ResourceServer:
    configured = getattr(settings, "FAPIKIT_RESOURCE_SERVER", None)
    found = import_string(configured) if isinstance(configured, str) else configured
    require_resource_server(found, "FAPIKIT_RESOURCE_SERVER")
    return cast(ResourceServer, found)
