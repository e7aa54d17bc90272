"""The public names of all packages, and how signatures are shown: for docs/api.md and docs/public-surface.txt."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from fapikit.clock import system_clock, system_random
from fapikit.profiles import Profile

MODULES = (
    "fapikit",
    "fapikit.client_authentication",
    "fapikit.stores",
    "rpkit",
    "rpkit.starlette",
    "rpkit.flask",
    "rpkit.testing",
    "rskit",
    "rskit.presets",
    "rskit.testing",
    "rskit.attacks",
    "asgi_mw",
    "asgi_mw.starlette",
    "asgi_mw.fastapi",
    "asgi_mw.mcp",
    "wsgi_mw",
    "wsgi_mw.flask",
    "wsgi_mw.django",
    "wsgi_mw.django_audit",
    "wsgi_mw.rest_framework",
    "askit",
    "askit.attacks",
    "fapikit_viewer",
)
OURS = ("fapikit", "rpkit", "rskit", "asgi_mw", "wsgi_mw", "askit", "fapikit_viewer", "fapikit_cli")


_FUNCTIONS: dict[Any, str] = {system_clock: "system_clock", system_random: "system_random"}
"""Functions that have another name in the code than the one they were defined by."""


def public_names(module: ModuleType) -> list[str]:
    """`__all__`, or what the module itself defines without an underscore; in alphabetical order."""
    names: list[str] = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    return sorted(names, key=str.lower)


def methods_of(value: type) -> Iterator[tuple[str, Any]]:
    """Its public methods with those that it inherits from classes of ours, as functions."""
    seen: set[str] = set()
    for kind in value.__mro__:
        if not kind.__module__.startswith(OURS):
            continue
        for member, raw in vars(kind).items():
            function = getattr(raw, "__func__", raw)
            if member.startswith("_") or member in seen or not inspect.isfunction(function):
                continue
            seen.add(member)
            yield member, function


def shown_parameter(parameter: inspect.Parameter) -> str:
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
    text = f"{stars}{parameter.name}"
    if parameter.annotation is not parameter.empty:
        text += f": {shown_annotation(parameter.annotation)}"
    return text if parameter.default is parameter.empty else f"{text} = {shown_default(parameter.default)}"


def shown_annotation(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"ForwardRef\('([^']*)'[^)]*\)", r"\1", text).strip('"')


def shown_default(value: Any) -> str:
    """A default as a reader would write it: profiles and functions by their names, factories and objects as dots."""
    if isinstance(value, Profile):
        return repr(value.name)
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(repr, value)))}}}"
    if inspect.isroutine(value):
        return _FUNCTIONS.get(value, str(value.__name__))
    text = repr(value)
    return "..." if "<" in text or text == "mappingproxy({})" else text
