"""The first section of docs/command-line.md, command after command, in a new folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from fapikit_cli.client_file import ClientFile
from tests.fapikit_cli.acting.desk import Bank, Desk
from tests.fapikit_cli.running import run

PAGE = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text("utf-8")
SECTION = re.search(r"(?ms)^## From nothing.*?(?=^## )", PAGE)
DETAIL = re.compile(r"ends in \d+ s \([\d:]+ UTC\)|DPoP key \S+")
"""What differs from run to run."""


def examples(text: str) -> list[tuple[str, str]]:
    """Each command after `$`, and the output below it, up to where the prose goes on."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"(?m)(?:^    .*\n|^\n)+", text):
        plain = re.sub(r"(?m)^    ", "", block)
        parts = re.split(r"(?m)^\$ ", plain)[1:]
        found += [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]
    return found


def alike(text: str, bank: Bank) -> str:
    """The output with the ports and the folder of the page."""
    facts = bank.facts
    text = text.replace(facts["issuer"], "https://localhost:9443").replace(
        facts["api"], "https://localhost:9444/"
    )
    return DETAIL.sub("...", text.replace(str(bank.folder), "FOLDER/bank"))


def test_the_section_is_what_happens(bank: Bank) -> None:
    assert SECTION is not None
    shown = dict(examples(SECTION.group()))
    typed = list(shown)
    assert typed[0] == 'pip install "fapikit[cli]"'
    assert typed[1].startswith("fapikit askit --keep bank")  # the bank of these tests was started so
    assert typed[2:] == ["cd bank", "fapikit login", "fapikit call /accounts"]
    for name, value in bank.facts.items():
        for text in value if isinstance(value, list) else [value]:
            assert name == "pid" or alike(text, bank) in shown[typed[1]], name
    environment = Desk.environment_at(bank)
    for command in typed[3:]:
        told = run(*shlex.split(command)[1:], cwd=bank.folder, env=environment)
        assert told.returncode == 0, told.stderr
        lines = alike(told.stdout, bank).splitlines()
        for line in DETAIL.sub("...", shown[command]).splitlines():
            assert line in ("", "...", *lines)


def test_the_page_lists_every_setting_of_the_client_file() -> None:
    rows = re.findall(r"(?m)^\| (`.*?) \| ", PAGE.partition("## The client file")[2].partition("\n## ")[0])
    named = {name.strip("[]") for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert named == set(ClientFile.__dataclass_fields__) - {"path"}


@pytest.mark.parametrize("typed, output", [e for e in examples(PAGE) if e[0].startswith("fapikit call POST")])
def test_a_refusal_is_shown_as_it_is(typed: str, output: str, signed_in: Desk) -> None:
    told = signed_in.run(*shlex.split(typed)[1:])
    answer, _, explained = output.strip("\n").partition("\n")
    assert told.stdout == answer
    assert alike(told.stderr, signed_in.bank).strip("\n") == explained.strip("\n")
