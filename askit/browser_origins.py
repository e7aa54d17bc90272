"""CORS: the pages of other origins that may read this server's answers, for public clients that run in a browser.

These endpoints use no cookies, so credentials are never allowed. The pages for users are never open to other origins.

Spec: Fetch 3.2; RFC 9700 2.6
Role: AS
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from fapikit.errors import ConfigurationError
from fapikit.urls import has_origin, is_secure

ANY: Final = "*"
_REQUEST_HEADERS: Final = (
    "authorization",
    "content-type",
    "dpop",
    "mcp-protocol-version",
    "x-fapi-interaction-id",
)
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


def open_to(
    origins: tuple[str, ...], methods: Collection[str], *, document: bool = False
) -> list[Middleware]:
    """The middleware with which a route answers preflights of these origins; none without origins.

    `document`: the route gives everybody the same, so a request for it may have any headers.
    """
    if not origins:
        return []
    heads = ("HEAD",) if "GET" in methods else ()  # Starlette answers HEAD wherever it answers GET
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=sorted({*methods, *heads}),
            allow_headers=[ANY] if document else list(_REQUEST_HEADERS),
            expose_headers=list(_ANSWER_HEADERS),
        )
    ]


def is_open(route: Route) -> bool:
    """Whether this route answers preflights."""
    return "OPTIONS" in (route.methods or ())


def readable(answer: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """An answer that is given before any route is asked, so that pages of these origins may read it."""
    for layer in open_to(origins, ()):
        answer = layer.cls(answer, *layer.args, **layer.kwargs)
    return answer
