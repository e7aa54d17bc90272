"""The language of the pages: the one that the client requests in `ui_locales`, else the one that the browser prefers.

The language is kept for the current HTTP request, because pages are rendered in many places.

Spec: OIDC 3.1.2.1; RFC 9110 12.5.4
Role: AS
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Final

from askit.pages.catalogues import LANGUAGES

_QUALITY: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z", re.IGNORECASE)
_spoken: Final[ContextVar[str]] = ContextVar("askit_language", default=LANGUAGES[0])


def spoken() -> str:
    """The language for the pages of this request."""
    return _spoken.get()


def prefer_header(accept_language: str) -> None:
    """Use the language that the browser prefers; English if there is none of those that it names."""
    _spoken.set(_first_known(_by_quality(accept_language)) or LANGUAGES[0])


def prefer_locales(ui_locales: Iterable[str]) -> None:
    """Use the first of these languages that exists here; if there is none, keep the one that was set before."""
    if known := _first_known(ui_locales):
        _spoken.set(known)


def _first_known(tags: Iterable[str]) -> str | None:
    """The first known language. ja and ja-JP are both Japanese."""
    primary = (tag.partition("-")[0].lower() for tag in tags)
    return next((language for language in primary if language in LANGUAGES), None)


def _by_quality(header: str) -> list[str]:
    """The tags by preference. Tags that cannot be read, or have quality 0, are left out."""
    weighed: list[tuple[float, str]] = []
    for item in header.split(","):
        tag, semicolon, weight = (part.strip() for part in item.partition(";"))
        quality = _QUALITY.match(weight)
        if not semicolon:
            weighed.append((1.0, tag))
        elif quality and float(quality[1]) > 0:
            weighed.append((float(quality[1]), tag))
    return [tag for _, tag in sorted(weighed, key=lambda pair: -pair[0])]
