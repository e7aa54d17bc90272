"""Why each error comes and what to do, as people wrote it: `prose/<module>.md`, one `##` section for each class.

The first paragraphs of a section say why the error comes. The list says what to do, one item for each reader. A line
`Says: TEXT` chooses the sample that the page shows: one whose message has this text. A file begins with `See:` lines,
the guides that all its errors belong to.

Role: RP, RS, AS
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fapikit.errors import FapiError

FOLDER: Final = Path(__file__).parent / "prose"


@dataclass(frozen=True, slots=True)
class Prose:
    """`why` and `what_to_do` are Markdown. `see`: links, relative to `docs/`. `says`: a part of the typical message."""

    why: str = ""
    what_to_do: str = ""
    see: tuple[str, ...] = ()
    says: str = ""


@cache
def _of_module(module: str) -> Mapping[str, Prose]:
    path = FOLDER / f"{module}.md"
    if not path.exists():
        return MappingProxyType({})
    head, *sections = re.split(r"(?m)^## ", path.read_text("utf-8"))
    see = _lines("See", head)
    return MappingProxyType(dict(_section(section, see) for section in sections))


def _section(text: str, see: tuple[str, ...]) -> tuple[str, Prose]:
    name, _, body = text.partition("\n")
    prose = re.sub(r"(?m)^(?:See|Says): .*\n", "", f"{body}\n")
    why, items, what_to_do = prose.partition("\n- ")
    says = _lines("Says", body)
    links = (*_lines("See", body), *see)
    return name.strip(), Prose(why.strip(), f"{items}{what_to_do}".strip(), links, says[0] if says else "")


def _lines(label: str, text: str) -> tuple[str, ...]:
    return tuple(re.findall(rf"(?m)^{label}: (.+)$", text))


def prose_of(kind: type[FapiError]) -> Prose:
    return _of_module(kind.__module__).get(kind.__name__, Prose())


def written() -> set[str]:
    """The qualified names of all classes that have a section."""
    return {f"{path.stem}.{name}" for path in FOLDER.glob("*.md") for name in _of_module(path.stem)}
