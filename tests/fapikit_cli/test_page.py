"""docs/command-line.md names the commands that there are, and shows what they really write."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from fapikit_cli.exit_status import ExitStatus
from fapikit_cli.typer_app import app, command_names
from tests.fapikit_cli.running import run

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text("utf-8")


def shown(first_words: str) -> list[tuple[list[str], str]]:
    """The examples of the page that begin so: the command, and the output below it."""
    blocks = re.findall(r"(?m)(?:^    .*\n)+", PAGE)
    runs = [part for block in blocks for part in re.split(r"(?m)^    \$ ", block)[1:]]
    split = [(run.partition("\n")[0], run.partition("\n")[2]) for run in runs]
    return [
        (shlex.split(typed)[1:], re.sub(r"(?m)^    ", "", output))
        for typed, output in split
        if typed.startswith(first_words)
    ]


def test_the_page_has_a_section_for_each_command_and_no_other() -> None:
    assert sorted(re.findall(r"(?m)^## `fapikit (\w+)", PAGE)) == command_names()


def test_every_command_that_the_page_names_exists() -> None:
    group = get_command(app)
    for words in re.findall(r"`fapikit (\w+(?: [a-z][a-z-]*)?)", PAGE):
        name, _, part = words.partition(" ")
        command = group.get_command(None, name)  # type: ignore[attr-defined]
        assert command is not None, words
        if part:
            assert part in command.commands, words


def test_the_page_lists_every_exit_status() -> None:
    assert re.findall(r"(?m)^\| (\d) \|", PAGE) == [str(status.value) for status in ExitStatus]


@pytest.mark.parametrize("arguments, output", shown("fapikit keys"))
def test_keys_are_made_as_the_page_shows(arguments: list[str], output: str, tmp_path: Path) -> None:
    assert run(*arguments, cwd=tmp_path).stdout == output
