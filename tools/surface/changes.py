"""Whether a change of the public surface breaks somebody who relied on it, by the rules of docs/releases.md."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tools.surface.line import Line


@dataclass(frozen=True)
class Change:
    """`why`: in words, for whoever decides about the version."""

    breaks: bool
    line: Line
    why: str

    def __str__(self) -> str:
        return f"{'BREAK' if self.breaks else 'addition'}: {self.line}: {self.why}"


def changes(old: Iterable[Line], new: Iterable[Line]) -> list[Change]:
    """Breaks first."""
    before = {(line.kind, line.name): line for line in old}
    after = {(line.kind, line.name): line for line in new}
    found = [Change(True, before[key], "it is gone") for key in before.keys() - after.keys()]
    found += [_added(after[key], before) for key in after.keys() - before.keys()]
    found += [
        _changed(before[key], after[key])
        for key in before.keys() & after.keys()
        if before[key].detail != after[key].detail
    ]
    return sorted(found, key=lambda change: (not change.breaks, change.line))


def _added(line: Line, before: dict[tuple[str, str], Line]) -> Change:
    """Something new breaks those who must now give it, or who wrote their own class for a protocol."""
    owner = line.name.rpartition(" ")[0]
    if line.kind == "parameter" and _was_there(owner, before) and _Parameter.of(line).required:
        return Change(True, line, "calls do not give it")
    if (
        line.kind in ("option", "argument")
        and ("command", owner) in before
        and line.detail.endswith("required")
    ):
        return Change(True, line, "calls do not give it")
    if line.kind == "duty" and ("protocol", line.name.rpartition(".")[0]) in before:
        return Change(True, line, "classes of users do not have it")
    if line.kind == "setting" and ", required" in line.detail and _table_was_there(line.name, before):
        return Change(True, line, "configurations do not have it")
    return Change(False, line, "it is new")


def _was_there(owner: str, before: dict[tuple[str, str], Line]) -> bool:
    return any((kind, owner) in before for kind in ("function", "method", "duty", "class"))


def _table_was_there(name: str, before: dict[tuple[str, str], Line]) -> bool:
    table = name.rpartition(".")[0]
    return not table or ("setting", table) in before


def _changed(old: Line, new: Line) -> Change:
    was = f"it was {old.detail or 'without detail'}"
    judged = _JUDGED.get(old.kind)
    return Change(judged is None or not judged(old, new), new, was)


def _parameter_is_wider(old: Line, new: Line) -> bool:
    before, after = _Parameter.of(old), _Parameter.of(new)
    same_place = before.place == after.place or (before.place == "keyword-only" and after.place.isdigit())
    return (
        same_place
        and set(before.kinds) <= set(after.kinds)
        and (before.default == after.default or before.required)
    )


def _answer_is_narrower(old: Line, new: Line) -> bool:
    before, after = old.detail.removeprefix("await "), new.detail.removeprefix("await ")
    same = old.detail.startswith("await ") == new.detail.startswith("await ")
    return same and set(_members(after.removeprefix("-> "))) <= set(_members(before.removeprefix("-> ")))


def _field_is_narrower(old: Line, new: Line) -> bool:
    return set(_members(new.detail)) <= set(_members(old.detail))


def _more_bases(old: Line, new: Line) -> bool:
    """Whoever caught it, or asked for its class, still does; what goes on the wire is the same."""
    (bases, _, wire), (now, _, wire_now) = old.detail.partition("; "), new.detail.partition("; ")
    return wire == wire_now and set(bases.split(", ")) - {""} <= set(now.split(", "))


def _no_longer_required(old: Line, new: Line) -> bool:
    return old.detail.removesuffix("required") != old.detail and new.detail.startswith(
        old.detail.removesuffix("required")
    )


_JUDGED = {
    "parameter": _parameter_is_wider,
    "function": _answer_is_narrower,
    "method": _answer_is_narrower,
    "field": _field_is_narrower,
    "fixture": _field_is_narrower,
    "error": _more_bases,
    "class": _more_bases,
    "protocol": _more_bases,
    "option": _no_longer_required,
    "argument": _no_longer_required,
}
"""For each kind, when a changed detail is an addition. Of any other kind each change is a break."""


@dataclass(frozen=True)
class _Parameter:
    place: str
    kinds: tuple[str, ...]
    default: str | None

    @property
    def required(self) -> bool:
        return self.default is None and self.place != "variadic"

    @classmethod
    def of(cls, line: Line) -> _Parameter:
        place, _, rest = line.detail.partition(": ")
        kind, equals, default = rest.partition(" = ")
        return cls(place, _members(kind), default if equals else None)


def _members(annotation: str) -> tuple[str, ...]:
    """The members of a union; a union inside of brackets stays whole."""
    parts, depth, start = [], 0, 0
    for found in re.finditer(r"[\[\](){}]| \| ", annotation):
        depth += {"[": 1, "(": 1, "{": 1, "]": -1, ")": -1, "}": -1}.get(found[0], 0)
        if found[0] == " | " and depth == 0:
            parts.append(annotation[start : found.start()])
            start = found.end()
    return (*parts, annotation[start:])
