"""Writes TOML: settings, tables and lists of tables. Python itself only reads it.

Role: RP, AS
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def toml_text(settings: Mapping[str, Any], *, comment: str = "") -> str:
    """The settings as text. `comment`: lines at the top. Members that are None are left out."""
    above = "".join(f"# {line}\n" for line in comment.splitlines())
    return above + "\n".join(_lines(settings, ())) + "\n"


def _lines(settings: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    nested: list[tuple[str, Any]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping) or _is_tables(value):
            nested.append((name, value))
        elif value is not None:
            yield f"{_key(name)} = {_value(value)}"
    for name, value in nested:
        where = (*path, name)
        dotted = ".".join(map(_key, where))
        for table in [value] if isinstance(value, Mapping) else value:
            yield f"\n[{dotted}]" if isinstance(value, Mapping) else f"\n[[{dotted}]]"
            yield from _lines(table, where)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)


def _value(value: Any) -> str:
    """Strings of JSON are strings of TOML too, and so are numbers and lists of those."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
