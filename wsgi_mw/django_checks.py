"""What `manage.py check` says about the settings of `ProtectMiddleware`.

The project must be able to answer with them: an error is what would stop it at its start, or leave its views open. A
warning names middleware that runs for everybody.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 # Django's own name for it
from django.utils.module_loading import import_string

from fapikit.errors import ConfigurationError
from wsgi_mw.django import ProtectMiddleware
from wsgi_mw.django_settings import configured_public_access, configured_server

_OURS: Final = "wsgi_mw.django.ProtectMiddleware"


def check_settings(**_asked: Any) -> list[CheckMessage]:
    """The faults of the settings, as Django's system checks return them. Each has an id for SILENCED_SYSTEM_CHECKS."""
    return [*_of_the_objects(), *_of_the_middleware()]


def _of_the_objects() -> Iterator[CheckMessage]:
    readers: tuple[tuple[str, Callable[[], object]], ...] = (
        ("wsgi_mw.E001", configured_server),
        ("wsgi_mw.E002", configured_public_access),
    )
    for name, read in readers:
        try:
            read()
        except ConfigurationError as error:
            yield Error(error.message, id=name)


def _of_the_middleware() -> Iterator[CheckMessage]:
    names = list(settings.MIDDLEWARE)
    places: list[int] = []
    for place, name in enumerate(names):
        try:
            found = import_string(name)
        except ImportError as error:
            yield Error(
                f"MIDDLEWARE names {name!r}, which cannot be imported: {error}",
                hint="Check the spelling.",
                id="wsgi_mw.E003",
            )
            continue
        if isinstance(found, type) and issubclass(found, ProtectMiddleware):
            places.append(place)
    if not places:
        yield Error(
            "ProtectMiddleware is not in MIDDLEWARE: no view requires a token",
            hint=f"Make {_OURS!r} the first of MIDDLEWARE.",
            id="wsgi_mw.E004",
        )
        return
    if len(places) > 1:
        yield Error(
            f"ProtectMiddleware is in MIDDLEWARE {len(places)} times: each would check, and use up, the same proof",
            hint="Keep the first one.",
            id="wsgi_mw.E005",
        )
    if places[0] > 0:
        yield Warning(
            "ProtectMiddleware is not the first of MIDDLEWARE: these run for everybody, without a token: "
            + ", ".join(names[: places[0]]),
            hint=f"Put {_OURS!r} before them. If each of them must run for everybody (a host check, a rate limit), "
            "add this check to SILENCED_SYSTEM_CHECKS.",
            id="wsgi_mw.W001",
        )
