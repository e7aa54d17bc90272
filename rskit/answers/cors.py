"""Which pages of other origins may call the API from a browser. Protect answers preflights by this rule alone.

A preflight has no token, so its answer goes to anybody. The application is not asked.

Spec: RFC 6454 7; RFC 9449 9; RFC 9728 3.1
Role: RS
Not checked here: the request that follows the preflight; its token decides.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from fapikit.errors import ConfigurationError
from fapikit.http_message import Headers
from fapikit.setting_types import check_text_settings
from fapikit.urls import origin_of

_ALWAYS_SENT: Final = ("Authorization", "DPoP", "Content-Type", "x-fapi-interaction-id")
_ALWAYS_SHOWN: Final = ("WWW-Authenticate", "DPoP-Nonce", "x-fapi-interaction-id", "Retry-After")
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TOKENS: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z, -]{1,1000}")
PREFIX: Final = "access-control-"
"""The prefix of the headers that only this policy sets, whatever the application answers."""
SHOWN: Final = ("access-control-expose-headers", ", ".join(_ALWAYS_SHOWN[:3]))
"""The headers that pages must be able to read, for a CORS layer outside of Protect that decides about the origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """`Protect(app, server, cors=Cors(origins={"https://shop.example"}))`.

    `origins`: as browsers write them, or {"*"} for all. `methods`: what a page may use. `headers`: what it may send
    besides Authorization, DPoP, Content-Type and x-fapi-interaction-id. `exposed`: what it may read besides the
    challenges, nonces and the interaction id. `credentials`: the browser sends cookies and client certificates too;
    tokens do not need it. `max_age`: seconds that a browser remembers a preflight. Raises ConfigurationError.
    """

    origins: Collection[str]
    methods: Collection[str] = _METHODS
    headers: Collection[str] = ()
    exposed: Collection[str] = ()
    credentials: bool = False
    max_age: int = 600

    def __post_init__(self) -> None:
        check_text_settings(self)
        for name in ("origins", "methods", "headers", "exposed"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.origins:
            raise ConfigurationError(
                "Cors(origins=...) needs at least one origin; to let no other origin call, leave cors= out"
            )
        for origin in self.origins:
            _require_origin(origin, alone=len(self.origins) == 1 and not self.credentials)
        for name in (*self.methods, *self.headers, *self.exposed):
            if not _TOKEN.fullmatch(name) or name == "*":
                raise ConfigurationError(
                    "Cors: write each method and each header by its own name", facts={"name": name}
                )
        if type(self.max_age) is not int or self.max_age < 0:
            raise ConfigurationError("Cors(max_age=...) must be a number of seconds, 0 or more")

    def preflight(self, origin: str) -> tuple[int, Headers]:
        """Status and headers of the answer. It has no body."""
        varies = ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        allowed = self._allowed(origin)
        if not allowed:
            return 403, (varies, ("content-length", "0"))
        return 204, (
            *allowed,
            ("access-control-allow-methods", ", ".join(self.methods)),
            ("access-control-allow-headers", ", ".join((*_ALWAYS_SENT, *self.headers))),
            ("access-control-max-age", str(self.max_age)),
            varies,
        )

    def of_answer(self, origin: str | None) -> Headers:
        """The headers of every answer, refusals too: the page can then read why it was refused."""
        varies: Headers = () if "*" in self.origins else (("vary", "Origin"),)
        allowed = self._allowed(origin)
        if not allowed:
            return varies
        exposed = ", ".join((*_ALWAYS_SHOWN, *self.exposed))
        return (*allowed, ("access-control-expose-headers", exposed), *varies)

    def _allowed(self, origin: str | None) -> Headers:
        if "*" in self.origins:
            return (("access-control-allow-origin", "*"),)
        if origin is None or origin not in self.origins:
            return ()
        named = ("access-control-allow-origin", origin)
        return (named, ("access-control-allow-credentials", "true")) if self.credentials else (named,)


def preflight_of_metadata(asked_headers: str | None) -> tuple[int, Headers]:
    """Everybody may read RFC 9728 metadata, whatever headers the client sends."""
    headers = asked_headers if asked_headers and _TOKENS.fullmatch(asked_headers) else "*"
    return 204, (
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET, HEAD"),
        ("access-control-allow-headers", headers),
        ("access-control-max-age", "3600"),
        ("vary", "Access-Control-Request-Headers"),
    )


def _require_origin(origin: str, *, alone: bool) -> None:
    if origin == "*":
        if not alone:
            raise ConfigurationError('Cors(origins={"*"}) allows no further origin and no credentials=True')
        return
    try:
        is_one = origin == origin_of(origin) and origin.startswith(("https://", "http://"))
    except ValueError:
        is_one = False
    if not is_one or not origin.partition("://")[2]:
        raise ConfigurationError(
            "an origin must be written as a browser does: https://host or https://host:port, without a path",
            facts={"origin": origin},
        )
