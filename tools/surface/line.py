"""One line of the public surface: `kind name :: detail`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_SEPARATOR = " :: "


class Line(NamedTuple):
    """`name` identifies the thing among those of its kind. `detail`: what may change about it, without line ends."""

    kind: str
    name: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}{_SEPARATOR if self.detail else ''}{self.detail}"


def read(text: str) -> list[Line]:
    """The lines of a file, comments left out."""
    found = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            subject, _, detail = line.partition(_SEPARATOR)
            kind, _, name = subject.partition(" ")
            found.append(Line(kind, name, detail))
    return found


def written(lines: Iterable[Line]) -> str:
    """Sorted, so that a difference is where the change is."""
    return "".join(f"{line}\n" for line in sorted(set(map(str, lines))))
