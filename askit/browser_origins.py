"""CORS: the pages of other origins that may read this server's answers, for public clients that run in a browser.

These endpoints use no cookies, so credentials are never allowed. The pages for users are never open to other origins.

Spec: Fetch 3.2; RFC 9700 2.6
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from fapikit.errors import ConfigurationError
from fapikit.urls import has_origin, is_secure

ANY: Final = "*"
_REQUEST_HEADERS: Final = ("authorization", "content-type", "dpop", "x-fapi-interaction-id")
_ANSWER_HEADERS: Final = ("dpop-nonce", "www-authenticate", "retry-after", "x-fapi-interaction-id")


def check_origins(setting: str, origins: Iterable[str]) -> None:
    """Raise ConfigurationError for a value that no browser sends as `Origin`."""
    for origin in origins:
        if origin != ANY and not (is_secure(origin) and has_origin(origin, origin)):
            raise ConfigurationError(
                f"{setting}: {origin!r} is not an origin: write https://host or https://host:port, without a slash "
                "at the end, or *",
                facts={"setting": setting},
            )


def open_to(origins: tuple[str, ...], methods: Iterable[str]) -> list[Middleware]:
    """The middleware with which a route answers preflights of these origins; none without origins."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=sorted(methods),
            allow_headers=list(_REQUEST_HEADERS),
            expose_headers=list(_ANSWER_HEADERS),
        )
    ]
