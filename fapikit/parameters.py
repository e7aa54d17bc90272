"""Query strings and forms, read strictly: each parameter at most once, unless the specification allows repeats.

Spec: RFC 6749 3.1, 3.2 (no repeats); RFC 8707 2 (`resource` repeats); RFC 8693 2.1b (`audience` repeats)
"""

from __future__ import annotations

import re
from collections.abc import ItemsView, Iterable, Iterator, KeysView
from typing import overload
from urllib.parse import parse_qsl

from fapikit.errors import MalformedMessage
from fapikit.secrets import Concealed, Secret

REPEATABLE = frozenset({"resource", "audience"})
MAX_FIELDS = 200
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Parameters:
    """Parsed parameters, used like a mapping. `all(name)` returns every value of a parameter that may be repeated.

    They may include codes, tokens and passwords. So the class is not a `Mapping`: tools that show variables show the
    items of a mapping. `secret(name)` returns a concealed value.
    """

    __slots__ = ("_repeated", "_single")

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        single: dict[str, str] = {}
        repeated: dict[str, list[str]] = {}
        for name, value in pairs:
            if name in REPEATABLE:
                repeated.setdefault(name, []).append(value)
            elif name in single:
                raise MalformedMessage(
                    f"the parameter {name[:40]!a} is sent more than once", facts={"parameter": name[:40]}
                )
            else:
                single[name] = value
        self._single = Concealed(single)
        self._repeated = Concealed(repeated)

    def all(self, name: str) -> tuple[str, ...]:
        if name in REPEATABLE:
            return tuple(self._repeated.reveal().get(name, ()))
        value = self.get(name)
        return () if value is None else (value,)

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        return self._single.reveal().get(name, default)

    def secret(self, name: str) -> Secret | None:
        value = self.get(name)
        return None if value is None else Secret(value)

    def keys(self) -> KeysView[str]:
        return self._single.reveal().keys()

    def items(self) -> ItemsView[str, str]:
        return self._single.reveal().items()

    def names(self) -> tuple[str, ...]:
        """The names of all parameters, also of those that may be repeated."""
        return (*self._single.reveal(), *self._repeated.reveal())

    def __getitem__(self, name: str) -> str:
        return self._single.reveal()[name]

    def __contains__(self, name: object) -> bool:
        return name in self._single.reveal()

    def __iter__(self) -> Iterator[str]:
        return iter(self._single.reveal())

    def __len__(self) -> int:
        return len(self._single.reveal())

    def __repr__(self) -> str:
        return f"Parameters({', '.join(sorted(self.names()))})"


def parse_parameters(encoded: str | bytes, *, max_fields: int = MAX_FIELDS) -> Parameters:
    """Parse application/x-www-form-urlencoded. An empty value counts as absent (RFC 6749 3.1).

    Raises MalformedMessage for repeated parameters, bad escapes, text that is not UTF-8, and `max_fields` or more.
    """
    if encoded.count(b"&" if isinstance(encoded, bytes) else "&") >= max_fields:  # type: ignore[arg-type]
        raise MalformedMessage(f"more than {max_fields} parameters", facts={"limit": max_fields})
    pairs = _pairs(encoded)
    if pairs is None:
        raise MalformedMessage("parameters are not form-encoded UTF-8")
    names = [name for name, _ in pairs if name not in REPEATABLE]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)[:40]
        raise MalformedMessage(f"the parameter {twice!a} is sent more than once", facts={"parameter": twice})
    return Parameters([(name, value) for name, value in pairs if value])


def _pairs(encoded: str | bytes) -> list[tuple[str, str]] | None:
    """The pairs, or None for text that is not form-encoded. An error of the codec would include the whole text."""
    try:
        text = encoded.decode("ascii") if isinstance(encoded, bytes) else encoded
        if not text.isascii() or _BAD_ESCAPE.search(text):
            return None
        return parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="strict")
    except ValueError:
        return None
