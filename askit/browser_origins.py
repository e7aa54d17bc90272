"""Pages of other origins that may read what this server answers: public clients that run in a browser.

No cookie decides at these endpoints, so none is let through; pages for people are never among them.

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
    """Raise ConfigurationError for what no browser sends as `Origin`."""
    for origin in origins:
        if origin != ANY and not (is_secure(origin) and has_origin(origin, origin)):
            raise ConfigurationError(
                f"{setting}: {origin!r} is no origin: write https://host or https://host:port, without a slash "
                "at its end, or *",
                facts={"setting": setting},
            )


def open_to(origins: tuple[str, ...], methods: Iterable[str]) -> list[Middleware]:
    """What a route needs to answer preflights of these origins and to be read by them; nothing without any."""
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
