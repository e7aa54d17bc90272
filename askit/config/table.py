"""Reads a settings table strictly: each key by name and type. Every key that was not read is an error.

Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, TypeVar

from fapikit.errors import ConfigurationError

T = TypeVar("T")

_TYPES: dict[type, str] = {str: "a string", bool: "true or false", dict: "a table", list: "an array"}


class Table:
    """One table of a configuration file. `path` is the prefix of its keys in error messages."""

    def __init__(self, members: Mapping[str, Any], path: str = "") -> None:
        self._members = dict(members)
        self._asked: set[str] = set()
        self._path = path

    def name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def string(self, key: str) -> str:
        """A required string. Raises ConfigurationError, as all these methods do."""
        value = self.optional_string(key)
        if value is None:
            like = get_close_matches(key, self._members, 1)
            hint = f"; did you mean {self.name(like[0])}?" if like else ""
            raise ConfigurationError(f"{self.name(key)} is missing{hint}", facts={"setting": self.name(key)})
        return value

    def optional_string(self, key: str) -> str | None:
        return self._typed(key, str)

    def boolean(self, key: str, default: bool) -> bool:
        value = self._typed(key, bool)
        return default if value is None else value

    def boolean_or_table(self, key: str) -> bool | Table:
        """true or false, or a table of its own; false where it is left out."""
        value = self._get(key)
        if isinstance(value, dict):
            return Table(value, self.name(key))
        if value is not None and not isinstance(value, bool):
            raise self._wrong(key, "true or false, or a table")
        return bool(value)

    def optional_seconds(self, key: str) -> float | None:
        value = self._get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise self._wrong(key, "a positive number of seconds")
        return float(value)

    def optional_count(self, key: str) -> int | None:
        value = self._get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise self._wrong(key, "a whole number of 1 or more")
        return value

    def date(self, key: str) -> date:
        """A required date: a TOML date, or the same as text."""
        value = self._get(key)
        if isinstance(value, str):
            with suppress(ValueError):
                value = date.fromisoformat(value)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self._wrong(key, "a date such as 2030-12-31")
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        return self.optional_strings(key) or ()

    def optional_strings(self, key: str) -> tuple[str, ...] | None:
        value = self._typed(key, list)
        if value is None:
            return None
        if not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "an array of strings")
        return tuple(value)

    def string_or_strings(self, key: str) -> tuple[str, ...]:
        """One string, or an array of them."""
        value = self._get(key)
        if isinstance(value, str):
            return (value,)
        if value is not None and not isinstance(value, list):
            raise self._wrong(key, "a string or an array of strings")
        return self.strings(key)

    def members(self, key: str) -> Mapping[str, Any]:
        """A table with any keys."""
        return self._typed(key, dict) or {}

    def optional_string_or_members(self, key: str) -> str | Mapping[str, Any] | None:
        """A string, or a table with any keys."""
        value = self._get(key)
        if value is not None and not isinstance(value, str | dict):
            raise self._wrong(key, "a string or a table")
        return value

    def table(self, key: str) -> Table | None:
        value = self._typed(key, dict)
        return None if value is None else Table(value, self.name(key))

    def tables(self, key: str) -> list[Table]:
        value = self._typed(key, list) or []
        if not all(isinstance(item, dict) for item in value):
            raise self._wrong(key, "an array of tables")
        return [Table(item, f"{self.name(key)}[{position}]") for position, item in enumerate(value)]

    def array(self, key: str) -> list[Any]:
        """An array with any items."""
        return self._typed(key, list) or []

    def has(self, key: str) -> bool:
        return key in self._members

    def require_nothing_else(self) -> None:
        """Raise ConfigurationError for the first key that was not read."""
        for key in self._members:
            if key not in self._asked:
                like = get_close_matches(key, self._asked, 1)
                hint = f"did you mean {like[0]}?" if like else f"known here: {', '.join(sorted(self._asked))}"
                raise ConfigurationError(
                    f"{self.name(key)} is not a setting; {hint}",
                    facts={"setting": self.name(key)},
                )

    def _get(self, key: str) -> Any:
        self._asked.add(key)
        return self._members.get(key)

    def _typed(self, key: str, kind: type[T]) -> T | None:
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, kind):
            raise self._wrong(key, _TYPES[kind])
        return value

    def _wrong(self, key: str, expected: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.name(key)} must be {expected}", facts={"setting": self.name(key), "expected": expected}
        )
