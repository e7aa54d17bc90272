"""In which language a request is answered: what the client asked for in `ui_locales`, else what the browser prefers.

The preference belongs to the HTTP request that is being answered, as its pages are made in many places.

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
    """The language of the pages of this request."""
    return _spoken.get()


def prefer_header(accept_language: str) -> None:
    """Speak what the browser prefers; English, if nothing that it names is spoken here."""
    _spoken.set(_first_known(_by_quality(accept_language)) or LANGUAGES[0])


def prefer_locales(ui_locales: Iterable[str]) -> None:
    """Speak the first of these that is spoken here; if none is, what was preferred before."""
    if known := _first_known(ui_locales):
        _spoken.set(known)


def _first_known(tags: Iterable[str]) -> str | None:
    """Japanese is ja, and ja-JP too."""
    primary = (tag.partition("-")[0].lower() for tag in tags)
    return next((language for language in primary if language in LANGUAGES), None)


def _by_quality(header: str) -> list[str]:
    """The tags, the most wanted first; one that cannot be read, or is not wanted at all, is left out."""
    weighed: list[tuple[float, str]] = []
    for item in header.split(","):
        tag, semicolon, weight = (part.strip() for part in item.partition(";"))
        quality = _QUALITY.match(weight)
        if not semicolon:
            weighed.append((1.0, tag))
        elif quality and float(quality[1]) > 0:
            weighed.append((float(quality[1]), tag))
    return [tag for _, tag in sorted(weighed, key=lambda pair: -pair[0])]
