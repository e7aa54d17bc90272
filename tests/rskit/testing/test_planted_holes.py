"""The scanner finds holes that are planted one at a time in an API that is otherwise right, and names them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from rskit.testing.attacks import scan as scanning
from rskit.testing.attacks.declared import Family
from rskit.testing.attacks.families import FAMILIES
from rskit.testing.attacks.jws import SigningKey
from rskit.testing.attacks.key_spellings import SPELLINGS
from tests.rskit.testing.planted import holes_in_algorithms
from tests.rskit.testing.planted.planting import HOLES, Planted, names, scan

for module in sorted(Path(__file__).with_name("planted").glob("holes_in_*.py")):
    import_module(f"tests.rskit.testing.planted.{module.stem}")  # each adds its holes to HOLES
OVER = "alg HS256 over the public key, as "


def bare(attack: str) -> str:
    return attack.split(" (", maxsplit=1)[0].removesuffix(": 500")


def families_of(*attacks: str) -> tuple[Family, ...]:
    """Those that have these attacks; what the others find in an API without their holes is another test's business."""
    return tuple(
        family
        for family in FAMILIES
        if any(attack.startswith(row.name) for row in family.rows for attack in attacks)
    )


@pytest.mark.parametrize("planted", HOLES, ids=lambda planted: planted.name)
def test_finds_the_hole(planted: Planted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scanning, "FAMILIES", families_of(*planted.found))
    report = scan(planted.api, **planted.settings)
    assert set(planted.found) - set(names(report)) == set(), report.text()


@pytest.mark.parametrize(
    ("alg", "spelling"),
    [
        *(("ES256", name) for name, _ in SPELLINGS),
        *(("PS256", name) for name, _ in SPELLINGS if "PKCS" in name),
    ],
)
def test_finds_a_public_key_that_is_taken_for_a_secret(
    alg: str, spelling: str, monkeypatch: pytest.MonkeyPatch
):
    spell = dict(SPELLINGS)[spelling]

    class TakesThisSpelling(holes_in_algorithms.Confused):
        def secret(self, key: Any) -> bytes:
            return spell(SigningKey(key.to_pem(), key.alg, key.kid)) or b"none"

    monkeypatch.setattr(scanning, "FAMILIES", families_of(f"{OVER}{spelling}"))
    found = names(scan(TakesThisSpelling, alg=alg))
    assert (f"{OVER}{spelling}" in found) is (alg == "PS256" or "PKCS" not in spelling)


def test_every_attack_finds_something():
    """An attack that no planted hole needs could be broken, and nobody would notice."""
    needed = {attack for planted in HOLES for attack in planted.found}
    needed |= {f"{OVER}{name}" for name, _ in SPELLINGS}
    needed |= {
        f"a token with another value for what is needed, number {number}" for number in range(7, 21)
    }  # as 1 to 6
    rows = {row.name for family in FAMILIES for row in family.rows}
    assert rows - {bare(attack) for attack in needed} == set()


def test_holes_name_attacks_that_there_are():
    rows = {row.name for family in FAMILIES for row in family.rows}
    assert {bare(attack) for planted in HOLES for attack in planted.found} - rows == set()
