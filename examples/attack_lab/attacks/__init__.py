"""The attacks, one file for each. `all_attacks` finds them: there is no list to keep."""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import lru_cache

from examples.attack_lab.attack import Attack
from examples.attack_lab.catalogue import THREATS

_NUMBERS = re.compile(r"\.(\d+)\Z")


@lru_cache(maxsize=1)
def all_attacks() -> tuple[Attack, ...]:
    """Every `Attack` at the top level of a module of this folder, in the order of the catalogue."""
    found = []
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        members = vars(importlib.import_module(module.name)).values()
        found += [member for member in members if isinstance(member, Attack)]
    threats = list(THREATS)
    return tuple(sorted(found, key=lambda attack: (threats.index(attack.threat), _number(attack.id))))


def _number(name: str) -> int:
    match = _NUMBERS.search(name)
    return int(match[1]) if match else 1
