"""Writes docs/api.md from the code: every public name, its signature, and the first sentence of its docstring.

usage: python -m tools.api_doc [--check]
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from fapikit.clock import system_clock, system_random
from fapikit.profiles import Profile
from tools.generated import write_or_check

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "api.md"
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
)
OURS = ("fapikit", "rpkit", "rskit", "asgi_mw", "wsgi_mw", "askit", "fapikit_viewer", "fapikit_cli")
HEAD = """# The public names

Generated from the code by `make docs`; `make check` fails when it is stale. What stands here is the promise: everything
else is private to its package. Arguments after `*` are keyword-only. `Flow` is the generator type of `fapikit/flow.py`.
"""


def document() -> str:
    return HEAD + "".join(_module(importlib.import_module(name)) for name in MODULES)


def _module(module: ModuleType) -> str:
    names: list[str] = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    lines = [f"\n## {module.__name__}\n", f"\n{_first_sentence(module)}\n"]
    for name in sorted(names, key=str.lower):
        lines += _name(name, getattr(module, name))
    return "".join(lines)


def _name(name: str, value: Any) -> Iterator[str]:
    if type(value).__name__ == "LocalProxy":  # touching it needs a request
        yield f"\n### {name}\n\nA proxy: the value of the request being handled.\n"
    elif inspect.isclass(value):
        yield f"\n### {name}\n\n{_first_sentence(value)}\n\n```python\n"
        yield from _constructor(name, value)
        for member, function in _methods(value):
            yield f"{_signature(f'{name}.{member}', function)}\n"
        yield "```\n"
        yield from _options(value)
    elif inspect.isfunction(value):
        yield f"\n### {name}\n\n{_first_sentence(value)}\n\n```python\n{_signature(name, value)}\n```\n"
    else:
        yield f"\n### {name}\n\n{_described(value)}\n"


def _described(value: Any) -> str:
    if inspect.ismodule(value):
        return f"The module `{value.__name__}`, see there."
    if type(value).__module__.startswith(OURS):
        return f"A `{type(value).__name__}`."
    return f"`{re.sub(r' at 0x[0-9a-f]+', '', str(value))}`"


def _constructor(name: str, value: type) -> Iterator[str]:
    if getattr(value, "_is_protocol", False) or issubclass(value, typing.cast(Any, dict)):
        return
    if issubclass(value, enum.Enum):
        yield from (f"{name}.{member.name}\n" for member in value)
        return
    try:
        signature = inspect.signature(value)
    except (ValueError, TypeError):
        return
    if dataclasses.is_dataclass(value):
        fields = {field.name for field in dataclasses.fields(value) if field.name.startswith("_")}
        kept = [p for p in signature.parameters.values() if p.name not in fields]
        signature = signature.replace(parameters=kept)
    yield f"{_shown(name, signature.replace(return_annotation=inspect.Signature.empty))}\n"


def _methods(value: type) -> Iterator[tuple[str, Any]]:
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


def _signature(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    prefix = "await " if inspect.iscoroutinefunction(function) else ""
    return prefix + _shown(name, signature.replace(parameters=parameters))


def _shown(name: str, signature: inspect.Signature) -> str:
    parts: list[str] = []
    starred = False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            starred = True
        elif parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        parts.append(_parameter(parameter))
    returned = signature.return_annotation
    arrow = "" if returned is inspect.Signature.empty else f" -> {_annotation(returned)}"
    line = f"{name}({', '.join(parts)}){arrow}"
    return line if len(line) <= 110 else f"{name}(\n    " + ",\n    ".join(parts) + f"\n){arrow}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
    text = f"{stars}{parameter.name}"
    if parameter.annotation is not parameter.empty:
        text += f": {_annotation(parameter.annotation)}"
    return text if parameter.default is parameter.empty else f"{text} = {_default(parameter.default)}"


def _annotation(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"ForwardRef\('([^']*)'\)", r"\1", text).strip('"')


def _default(value: Any) -> str:
    """A default as a reader would write it: profiles and functions by their names, factories as dots."""
    if isinstance(value, Profile):
        return repr(value.name)
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(repr, value)))}}}"
    if value is system_clock or value is system_random:
        return "system_clock" if value is system_clock else "system_random"
    text = repr(value)
    return "..." if text.startswith("<") or text == "mappingproxy({})" else text


def _options(value: type) -> Iterator[str]:
    """The keys of `**options: Unpack[...]`."""
    for member, function in [("", vars(value).get("__init__", object.__init__)), *_methods(value)]:
        for parameter in inspect.signature(function).parameters.values():
            found = re.fullmatch(r"Unpack\[(\w+)\]", str(parameter.annotation))
            if found is None:
                continue
            keys = function.__globals__[found[1]].__annotations__
            where = f"`{value.__name__}.{member}`" if member else f"`{value.__name__}`"
            yield f"\n`**{parameter.name}` of {where}: {', '.join(f'`{key}`' for key in keys)}.\n"


def _first_sentence(value: Any) -> str:
    text = inspect.getdoc(value) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    if inspect.isclass(value) and paragraph.startswith(f"{value.__name__}("):
        return "A plain value."
    return paragraph


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, document()))
