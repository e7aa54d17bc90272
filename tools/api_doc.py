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

from tools.generated import write_or_check
from tools.public_names import MODULES, OURS, methods_of, public_names, shown_annotation, shown_parameter

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "api.md"
HEAD = """# The public names

Generated from the code by `make docs`; `make check` fails when it is stale. What stands here is the promise: everything
else is private to its package. Arguments after `*` are keyword-only. `Flow` is the generator type of `fapikit/flow.py`.
"""


def document() -> str:
    return HEAD + "".join(_module(importlib.import_module(name)) for name in MODULES)


def _module(module: ModuleType) -> str:
    lines = [f"\n## {module.__name__}\n", f"\n{_first_sentence(module)}\n"]
    for name in public_names(module):
        lines += _name(name, getattr(module, name))
    return "".join(lines)


def _name(name: str, value: Any) -> Iterator[str]:
    if type(value).__name__ == "LocalProxy":  # touching it needs a request
        yield f"\n### {name}\n\nA proxy: the value of the request being handled.\n"
    elif inspect.isclass(value):
        yield f"\n### {name}\n\n{_first_sentence(value)}\n\n```python\n"
        yield from _constructor(name, value)
        for member, function in methods_of(value):
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
        parts.append(shown_parameter(parameter))
    returned = signature.return_annotation
    arrow = "" if returned is inspect.Signature.empty else f" -> {shown_annotation(returned)}"
    line = f"{name}({', '.join(parts)}){arrow}"
    return line if len(line) <= 110 else f"{name}(\n    " + ",\n    ".join(parts) + f"\n){arrow}"


def _options(value: type) -> Iterator[str]:
    """The keys of `**options: Unpack[...]`."""
    for member, function in [("", vars(value).get("__init__", object.__init__)), *methods_of(value)]:
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
