"""`make lab` plays every attack and prints a table. `make lab T=T6` tells the attacks of one threat step by step.

The exit status is 0 only if every attack succeeds without the defence, and is stopped by the rule that it names. An
attack that needs a browser is left out where there is none, which the run says; in CI that is a failure.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from examples.attack_lab import table
from examples.attack_lab.attack import Attack
from examples.attack_lab.attacks import all_attacks
from examples.attack_lab.chromium import executable
from examples.attack_lab.lab import Lab
from examples.attack_lab.play import Outcome, Played, once, play


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make lab", description=__doc__)
    parser.add_argument("--threat", default="", help="the id of a threat or an attack, such as T6")
    wanted = parser.parse_args(arguments).threat
    attacks = [attack for attack in all_attacks() if not wanted or _is_of(attack, wanted)]
    if not attacks:
        known = ", ".join(attack.id for attack in all_attacks())
        print(f"there is no attack {wanted}: the lab has {known}", file=sys.stderr)
        return 2
    missing = [attack for attack in attacks if attack.needs_browser and executable() is None]
    attacks = [attack for attack in attacks if attack not in missing]
    with Lab() as lab:
        played = [_told(attack, lab) for attack in attacks] if wanted else _all(attacks, lab)
    problems = [problem for one in played for problem in one.problems]
    left_out = [
        f"not played here, because there is no Chromium and no Chrome: {a.id} {a.title}" for a in missing
    ]
    print("\n".join(["", *left_out, *problems]))
    print(table.total(played))
    return 1 if problems or (missing and os.environ.get("CI")) else 0


def _is_of(attack: Attack, wanted: str) -> bool:
    """`T7` stands for T7A to T7F too."""
    return wanted in (attack.id, attack.threat, attack.threat.rstrip("ABCDEF"))


def _all(attacks: Sequence[Attack], lab: Lab) -> list[Played]:
    print("Each attack is played over TLS twice: against naive parts, then against the toolkit as shipped.\n")
    print(table.head())
    played = []
    for attack in attacks:
        played.append(play(attack, lab))
        print(table.line(played[-1]), flush=True)
    print(f"\n{table.coverage(attacks)}")
    return played


def _told(attack: Attack, lab: Lab) -> Played:
    print(table.opening(attack))
    print("Against the naive parts:\n")
    undefended = _ended(once(attack.undefended, lab, table.Teller()))
    print("Against the toolkit as shipped:\n")
    defended = _ended(once(attack.defended, lab, table.Teller()))
    print(f"{table.closing(attack)}\n")
    return Played(attack, undefended, defended)


def _ended(outcome: Outcome) -> Outcome:
    print(f"\n  It {outcome}.\n")
    return outcome


if __name__ == "__main__":
    sys.exit(main())
