"""The keys of askit's configuration file, found by reading configurations and noting what is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from askit.config.file import read_settings
from askit.config.table import Table
from fapikit.lodged_intents import SHAPES
from tools.surface.line import Line

_PARTICULAR = {
    "profile": "fapi2-message-signing",
    "clients": ("a-client",),
    "shape": next(iter(SHAPES)),
}
"""Answers without which a table is not read."""
_ANSWERS: dict[str, Any] = {"boolean": None, "date": date(2100, 1, 1), "string": "https://x.example/"}
_EMPTY: dict[str, Any] = {"members": {}, "strings": (), "string_or_strings": (), "array": []}
_TABLES = frozenset({"table", "tables", "boolean_or_table"})
_SPOKEN = {"optional_string_or_members": "string or members", "string_or_strings": "string or strings"}


def settings() -> Iterator[Line]:
    """A table is opened in a run of its own, since some exclude each other. Runs end when nothing new is found."""
    found: dict[str, str] = {}
    opened: set[str] = set()
    while True:
        closed = {path for path, kind in found.items() if kind in _TABLES} - opened
        if opened and not closed:
            break
        for path in closed or {""}:
            opened.add(path)
            with suppress(Exception):  # what was asked for before counts
                read_settings(_Asked(found, path), Path())
    for name, kind in found.items():
        yield Line("setting", name, _SPOKEN.get(kind, kind.removeprefix("optional_").replace("_or_", " or ")))


class _Asked(Table):
    """A table in which everything that is required stands, and of the tables only those that lead to `wanted`."""

    def __init__(self, found: dict[str, str], wanted: str, path: str = "") -> None:
        super().__init__({}, path)
        self._found, self._wanted = found, wanted

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        if name.startswith("_") or name in ("name", "has", "require_nothing_else"):
            return method

        def note(key: str, *default: Any) -> Any:
            path = self.name(key) + ("[]" if name == "tables" else "")
            told = f"{name}, required" if name in ("string", "date") else name
            told += f" = {str(default[0]).lower()}" if default else ""
            self._found.setdefault(path, told)
            if name in _TABLES and f"{self._wanted}.".startswith(f"{path}."):
                inner = _Asked(self._found, self._wanted, path)
                return [inner] if name == "tables" else inner
            if name == "tables":
                return []
            if name == "boolean":
                return default[0]
            if name in ("string", "optional_string", "optional_strings", "strings") and key in _PARTICULAR:
                return _PARTICULAR[key]
            return _ANSWERS.get(name, _EMPTY.get(name, False if name == "boolean_or_table" else None))

        return note
