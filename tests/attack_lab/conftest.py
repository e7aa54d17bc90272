"""One lab for all tests of a process, and one play of each attack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.play import Played, play
from tests.attack_lab.what_it_needs import require_what_it_needs


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with Lab() as running:
        yield running


@pytest.fixture(scope="session")
def played(lab: Lab) -> Callable[[Attack], Played]:
    """Both plays of an attack. It is played once."""

    @cache
    def once_only(attack: Attack) -> Played:
        require_what_it_needs(attack)
        return play(attack, lab)

    return once_only
