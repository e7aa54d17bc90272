"""The lab itself: it notices an attack that proves nothing, and one that another rule stops; its page is right."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from examples.attack_lab import table
from examples.attack_lab.__main__ import main
from examples.attack_lab.answers import NothingCame, Refused
from examples.attack_lab.attack import Attack
from examples.attack_lab.attacks import all_attacks
from examples.attack_lab.lab import Lab
from examples.attack_lab.page import draw, drawings_of
from examples.attack_lab.play import Played, once, play
from examples.attack_lab.story import Party, Story
from fapikit import FapiError
from tests.attack_lab.taken_away import taken_away
from tools.threats_doc import TARGET, page

MIX_UP = next(attack for attack in all_attacks() if attack.id == "T6")


def _takes_nothing(_lab: Lab, story: Story) -> str:
    story.step(Party.MALLORY, Party.BANK, "please", "It is worth a try.")
    raise Refused(400, "no")


def test_an_attack_that_fails_undefended_proves_nothing(lab: Lab) -> None:
    (problem,) = play(replace(MIX_UP, undefended=_takes_nothing), lab).problems
    assert problem == "T6 proves nothing: without the defence it was stopped by status 400: no"


def test_other_loot_than_promised_proves_nothing(lab: Lab) -> None:
    (problem,) = play(replace(MIX_UP, loot="the moon"), lab).problems
    assert "proves nothing" in problem


@pytest.mark.parametrize("promise", [{"rule": "WrongState"}, {"clause": "RFC 9207 2.4b"}])
def test_an_attack_that_another_rule_stops_is_noticed(lab: Lab, promise: dict[str, str]) -> None:
    (problem,) = play(replace(MIX_UP, **promise), lab).problems
    assert problem.startswith("T6 was not stopped by")


def test_an_attack_that_nothing_stops_is_noticed(lab: Lab) -> None:
    played = play(replace(MIX_UP, defended=MIX_UP.undefended), lab)
    assert not played.is_stopped
    assert "SUCCEEDS" in table.line(played)
    assert table.total([played]) == "lab: 1 attacks, 1 succeed undefended, 0 stopped"


def test_a_fault_of_the_lab_is_no_refusal(lab: Lab) -> None:
    def broken(_lab: Lab, _story: Story) -> str:
        raise KeyError("code")

    with pytest.raises(KeyError):
        once(broken, lab)


@pytest.mark.parametrize("name", [{"id": "T99"}, {"countermeasures": ("C24",)}])
def test_threats_and_countermeasures_are_those_of_the_catalogue(name: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not in the catalogue"):
        replace(MIX_UP, **name)


def test_a_defence_is_taken_away_wherever_it_was_imported_to() -> None:
    import askit.clients.client
    import askit.clients.redirect_uris

    with taken_away("askit.clients.redirect_uris.is_registered", lambda *_: "anything") as was_called:
        assert not was_called()
        assert askit.clients.redirect_uris.is_registered("https://a.example", ()) == "anything"
        assert askit.clients.client.is_registered("https://a.example", ()) == "anything"
        assert was_called()
    assert not askit.clients.client.is_registered("https://a.example", ())


@pytest.mark.parametrize("attack", all_attacks(), ids=lambda attack: attack.id)
def test_its_section_of_the_page_is_drawn_from_a_play(
    attack: Attack, played: Callable[[Attack], Played]
) -> None:
    """`make check` compares the rest of docs/threats.md, and plays nothing."""
    kept = drawings_of(TARGET.read_text("utf-8"))
    assert kept[attack.id][1] == draw(played(attack)), "run `make docs`"


def test_the_page_is_up_to_date_but_for_the_drawings() -> None:
    assert page(checking=True) == TARGET.read_text("utf-8")


def test_make_lab_tells_one_attack_step_by_step() -> None:
    told = _run("--threat", "T6.2")
    assert told.returncode == 0
    assert "7. Alice -> Fintech: the response, by her browser" in told.stdout
    assert told.stdout.splitlines()[-1] == "lab: 1 attacks, 1 succeed undefended, 1 stopped"


def test_make_lab_says_which_attacks_there_are() -> None:
    told = _run("--threat", "T99")
    assert told.returncode == 2
    assert "there is no attack T99: the lab has " in told.stderr


@pytest.mark.parametrize("arguments", [[], ["--threat", "T6"]])
@pytest.mark.parametrize(
    "outcome",
    [
        {"undefended": _takes_nothing},
        {"rule": "WrongState"},
        {"defended": MIX_UP.undefended},
    ],
)
def test_any_other_outcome_is_a_failure(
    outcome: dict[str, Any], arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.attack_lab.__main__.all_attacks", lambda: (replace(MIX_UP, **outcome),))
    assert main(arguments) == 1


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_make_lab_says_what_it_cannot_play_here(ci: str, status: int, tmp_path: Path) -> None:
    told = _run("--threat", "16B", PATH=str(tmp_path), CI=ci)
    assert "not played here, because there is no Chromium and no Chrome: 16B clickjacking" in told.stdout
    assert told.stdout.splitlines()[-1] == "lab: 0 attacks, 0 succeed undefended, 0 stopped"
    assert told.returncode == status


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "examples.attack_lab", *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


def test_every_threat_has_an_attack_and_every_countermeasure_is_proven_by_one() -> None:
    assert [name for name, found in table.by_threat(all_attacks()).items() if not found] == []
    assert [name for name, proven_by in table.proofs(all_attacks()).items() if not proven_by] == []


def test_every_rule_is_an_error_class() -> None:
    known = {kind.__name__ for kind in (*_all_kinds(FapiError), NothingCame)}
    assert [attack.id for attack in all_attacks() if attack.rule not in known] == []


def _all_kinds(kind: type[FapiError]) -> Iterator[type[FapiError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _all_kinds(child)
