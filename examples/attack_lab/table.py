"""What the lab prints: the table, the coverage, the sum, and one attack told step by step."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from examples.attack_lab.attack import Attack
from examples.attack_lab.catalogue import COUNTERMEASURES, THREATS
from examples.attack_lab.play import Played
from examples.attack_lab.story import Step

_HEAD = ("id", "attack", "without the defence", "with it", "the rule that stopped it", "stands for")
_WIDTHS = (8, 45, 19, 9, 46, 12)


def head() -> str:
    return _row(_HEAD)


def line(played: Played) -> str:
    """One row of the table. An outcome that is not the promised one is in capitals."""
    attack, stopped = played.attack, played.defended.stopped
    return _row(
        (
            attack.id,
            attack.title,
            "succeeds" if played.succeeds_undefended else "FAILS",
            "stopped" if played.is_stopped else ("SUCCEEDS" if stopped is None else "OTHERWISE"),
            stopped.named if stopped else "none",
            " ".join(attack.countermeasures) or "-",
        )
    )


def _row(cells: Iterable[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def proofs(attacks: Iterable[Attack]) -> dict[str, list[str]]:
    """For each countermeasure the ids of the attacks that prove it."""
    given = tuple(attacks)
    return {name: [a.id for a in given if name in a.countermeasures] for name in COUNTERMEASURES}


def by_threat(attacks: Iterable[Attack]) -> dict[str, list[Attack]]:
    """For each threat its attacks."""
    given = tuple(attacks)
    return {name: [attack for attack in given if attack.threat == name] for name in THREATS}


def coverage(attacks: Sequence[Attack]) -> str:
    """Which attacks prove which countermeasure, and what no attack is for yet."""
    found = proofs(attacks)
    lines = [
        f"{name:<4} {what:<68} {' '.join(found[name]) or 'no attack yet'}"
        for name, what in COUNTERMEASURES.items()
    ]
    missing = [name for name, played in by_threat(attacks).items() if not played]
    if missing:
        lines += ["", f"threats without an attack: {', '.join(missing)}"]
    return "\n".join(lines)


def total(played: Sequence[Played]) -> str:
    """The last line."""
    succeed = sum(one.succeeds_undefended for one in played)
    stopped = sum(one.is_stopped for one in played)
    return f"lab: {len(played)} attacks, {succeed} succeed undefended, {stopped} stopped"


class Teller:
    """Prints the steps of a play as they happen."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, step: Step) -> None:
        self._count += 1
        print(f"  {self._count:>2}. {step.sender} -> {step.receiver}: {step.message}")
        print(textwrap.indent(textwrap.fill(step.why, 100), "        "))


def opening(attack: Attack) -> str:
    """The title and the words of an attack."""
    title = f"{attack.id}: {attack.title}"
    threat = f"Threat {attack.threat}: {THREATS[attack.threat]}."
    return "\n".join((title, "=" * len(title), "", threat, "", attack.words, ""))


def closing(attack: Attack) -> str:
    """Where the defence is, and what the attack stands for."""
    lines = [f"The defence is {attack.defence}. Without it the attack succeeds: `make test` tries that."]
    lines += [f"It stands for {name}: {COUNTERMEASURES[name]}." for name in attack.countermeasures]
    return "\n".join(lines)
