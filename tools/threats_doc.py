"""Writes docs/threats.md from the attacks of the lab. `--check` only compares, and plays nothing."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from examples.attack_lab.attack import Attack
from examples.attack_lab.attacks import all_attacks
from examples.attack_lab.chromium import executable
from examples.attack_lab.lab import Lab
from examples.attack_lab.page import draw, drawings_of, hash_of, render
from examples.attack_lab.play import play
from tools.citations import ROOT
from tools.generated import write_or_check

TARGET = ROOT / "docs" / "threats.md"


def page(*, checking: bool) -> str:
    """A drawing is kept while the attack's file is the same. Others are played, or missing if only checking."""
    kept = drawings_of(TARGET.read_text("utf-8") if TARGET.exists() else "")
    with ExitStack() as stack:
        labs: list[Lab] = []

        def drawing_for(attack: Attack) -> str:
            known, drawing = kept.get(attack.id, ("", ""))
            if known == hash_of(attack) or checking:
                return drawing
            if attack.needs_browser and executable() is None:
                raise SystemExit(
                    f"{attack.id} must be drawn again, and this machine has no Chromium and no Chrome"
                )
            if not labs:
                labs.append(stack.enter_context(Lab()))
            return draw(play(attack, labs[0]))

        return render(all_attacks(), drawing_for)


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, page(checking="--check" in sys.argv[1:])))
