"""Every attack of the lab works where nobody stops it, fails at the toolkit, and works again without its defence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from examples.attack_lab.attack import Attack
from examples.attack_lab.attacks import all_attacks
from examples.attack_lab.lab import Lab
from examples.attack_lab.play import Played, once
from tests.attack_lab.taken_away import taken_away
from tests.attack_lab.what_it_needs import require_what_it_needs

ATTACKS = [pytest.param(attack, id=attack.id) for attack in all_attacks()]


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_succeeds_undefended_and_the_toolkit_stops_it(
    attack: Attack, played: Callable[[Attack], Played]
) -> None:
    assert played(attack).problems == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_succeeds_where_its_defence_is_taken_away(attack: Attack, lab: Lab) -> None:
    """The mutation check. The toolkit is as shipped, but for this one function."""
    require_what_it_needs(attack)
    with taken_away(attack.defence, attack.without) as was_called:
        outcome = once(attack.defended, lab)
    assert was_called(), f"{attack.defence} is not asked in this attack"
    assert outcome.loot == attack.loot, f"another rule stops {attack.id} too: it {outcome}"


def test_no_two_attacks_have_one_id() -> None:
    ids = [attack.id for attack in all_attacks()]
    assert len(ids) == len(set(ids))
