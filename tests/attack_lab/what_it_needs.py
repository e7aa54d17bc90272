"""What an attack needs of the machine."""

from __future__ import annotations

from examples.attack_lab.attack import Attack
from examples.attack_lab.chromium import executable
from tests.programs import installed


def require_what_it_needs(attack: Attack) -> None:
    """An attack that needs a browser is not played where there is none; in CI that is a failure."""
    if attack.needs_browser:
        installed("Chromium", executable())
