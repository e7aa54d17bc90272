"""Query strings and forms, read strictly: each parameter at most once unless the specification repeats it.

Spec: RFC 6749 3.1, 3.2 (no repeats); RFC 8707 2 (`resource` repeats)
"""

from __future__ import annotations

import re
from collections.abc import ItemsView, Iterable, Iterator, KeysView
from typing import overload
from urllib.parse import parse_qsl

from fapikit.errors import MalformedMessage
from fapikit.secrets import Concealed, Secret

REPEATABLE = frozenset({"resource"})
MAX_FIELDS = 200
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Parameters:
    """Parsed parameters: like a mapping of the single ones; `all(name)` for the repeatable.

    Codes, tokens and passwords are among them, so it is no `Mapping`: a tool that shows variables would go through it.
    `secret(name)` gives one that stays concealed.
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
                    f"the parameter {name[:40]!a} came twice", facts={"parameter": name[:40]}
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
        """All of them, the repeatable too."""
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

    Raises MalformedMessage for repeats, bad escapes, non-UTF-8 and absurd counts.
    """
    if encoded.count(b"&" if isinstance(encoded, bytes) else "&") >= max_fields:  # type: ignore[arg-type]
        raise MalformedMessage(f"more than {max_fields} parameters", facts={"limit": max_fields})
    pairs = _pairs(encoded)
    if pairs is None:
        raise MalformedMessage("parameters are not form-encoded UTF-8")
    names = [name for name, _ in pairs if name not in REPEATABLE]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)[:40]
        raise MalformedMessage(f"the parameter {twice!a} came twice", facts={"parameter": twice})
    return Parameters([(name, value) for name, value in pairs if value])


def _pairs(encoded: str | bytes) -> list[tuple[str, str]] | None:
    """None for what is not form-encoded: an error of the codec would have the whole text with it."""
    try:
        text = encoded.decode("ascii") if isinstance(encoded, bytes) else encoded
        if not text.isascii() or _BAD_ESCAPE.search(text):
            return None
        return parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="strict")
    except ValueError:
        return None
