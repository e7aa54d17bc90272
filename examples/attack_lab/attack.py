"""The shape of an attack: data, and two small functions that play it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from examples.attack_lab.catalogue import COUNTERMEASURES, THREATS
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Story

if TYPE_CHECKING:
    from types import ModuleType

Play: TypeAlias = Callable[[Lab, Story], str]
"""Returns what the attacker has in the end, in plain words. Whatever stops the attack is raised: a FapiError of the
toolkit's client, or the `Refused` of `answers.py` for the answer of a bank or an API."""


def does_nothing(*_arguments: Any, **_named: Any) -> None:
    """What takes the place of a defence that only raises."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One attack.

    `id`: the threat's id (`T6`), and a number if it is not the first attack of that threat (`T6.2`).
    `title`: a few words. The docstring of the attack's module says in plain words what it does.
    `loot`: what the attacker has in the end where nobody stops him. Both functions return it.
    `countermeasures`: those of the study that the attack stands for. Empty if none of them is meant.
    `rule`: the class of the error that stops it, and `clause`: the clause that this error names; empty if it has none.
    `defence`: the dotted name of the one function in the packages that stops it.
    `without`: what the mutation check puts in the place of `defence`. It must say yes to everything.
    `needs_browser`: whether it needs a real browser (`Lab.chromium`).
    `undefended`: plays it against the naive parts. `defended`: plays it against the toolkit as shipped.
    """

    id: str
    title: str
    loot: str
    countermeasures: tuple[str, ...]
    rule: str
    clause: str
    defence: str
    undefended: Play
    defended: Play
    without: Callable[..., Any] = does_nothing
    needs_browser: bool = False

    def __post_init__(self) -> None:
        if self.threat not in THREATS:
            raise ValueError(f"{self.id}: {self.threat} is not in the catalogue of threats")
        unknown = [name for name in self.countermeasures if name not in COUNTERMEASURES]
        if unknown:
            raise ValueError(f"{self.id}: {', '.join(unknown)} is not in the catalogue of countermeasures")

    @property
    def threat(self) -> str:
        """The id of the threat: `T6` for the attacks `T6` and `T6.2`."""
        return self.id.partition(".")[0]

    @property
    def _module(self) -> ModuleType:
        import sys

        return sys.modules[self.undefended.__module__]

    @property
    def words(self) -> str:
        """What the attack does: the docstring of its module."""
        return (self._module.__doc__ or "").strip()

    @property
    def file(self) -> Path:
        return Path(self._module.__file__ or "")
