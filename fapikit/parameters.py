"""Query strings and forms, read strictly: each parameter at most once unless the specification repeats it.

Spec: RFC 6749 3.1, 3.2 (no repeats); RFC 8707 2 (`resource` repeats)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

from fapikit.errors import MalformedMessage

REPEATABLE = frozenset({"resource"})
MAX_FIELDS = 200
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Parameters(Mapping[str, str]):
    """Parsed parameters: a mapping of the single ones; `all(name)` for the repeatable."""

    __slots__ = ("_repeated", "_single")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._single: dict[str, str] = {}
        self._repeated: dict[str, list[str]] = {}
        for name, value in pairs:
            if name in REPEATABLE:
                self._repeated.setdefault(name, []).append(value)
            elif name in self._single:
                raise MalformedMessage(
                    f"the parameter {name[:40]!a} came twice", facts={"parameter": name[:40]}
                )
            else:
                self._single[name] = value

    def all(self, name: str) -> tuple[str, ...]:
        if name in REPEATABLE:
            return tuple(self._repeated.get(name, ()))
        return (self._single[name],) if name in self._single else ()

    def names(self) -> tuple[str, ...]:
        """All of them, the repeatable too."""
        return (*self._single, *self._repeated)

    def __getitem__(self, name: str) -> str:
        return self._single[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._single)

    def __len__(self) -> int:
        return len(self._single)

    def __repr__(self) -> str:
        return f"Parameters({', '.join(sorted(self.names()))})"


def parse_parameters(encoded: str | bytes, *, max_fields: int = MAX_FIELDS) -> Parameters:
    """Parse application/x-www-form-urlencoded. An empty value counts as absent (RFC 6749 3.1).

    Raises MalformedMessage for repeats, bad escapes, non-UTF-8 and absurd counts.
    """
    try:
        text = encoded.decode("ascii") if isinstance(encoded, bytes) else encoded
        if not text.isascii() or _BAD_ESCAPE.search(text):
            raise ValueError("not form-encoded")
        if text.count("&") >= max_fields:
            raise MalformedMessage(f"more than {max_fields} parameters", facts={"limit": max_fields})
        pairs = parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="strict")
    except ValueError as error:
        raise MalformedMessage("parameters are not form-encoded UTF-8") from error
    names = [name for name, _ in pairs if name not in REPEATABLE]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)[:40]
        raise MalformedMessage(f"the parameter {twice!a} came twice", facts={"parameter": twice})
    return Parameters([(name, value) for name, value in pairs if value])
