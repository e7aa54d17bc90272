"""docs/command-line.md names the commands that there are, and shows what they really write."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from fapikit import PrivateKey
from fapikit_cli.exit_status import ExitStatus
from fapikit_cli.typer_app import app, command_names
from tests.fapikit_cli.planted_bank import PlantedBank, planted
from tests.fapikit_cli.running import run
from tests.keys import a_key, mint

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text("utf-8")


def shown(first_words: str) -> list[tuple[list[str], str]]:
    """The examples of the page that begin so: the command, and the output below it."""
    blocks = re.findall(r"(?m)^    .*\n(?:(?:^    .*)?\n)*", PAGE)
    runs = [part for block in blocks for part in re.split(r"(?m)^    \$ ", block)[1:]]
    split = [(run.partition("\n")[0], run.partition("\n")[2]) for run in runs]
    return [
        (shlex.split(typed)[1:], re.sub(r"(?m)^    ", "", output).rstrip("\n") + "\n")
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


@pytest.fixture(scope="module")
def bank() -> Iterator[PlantedBank]:
    with planted() as bank:
        yield bank


def loose(text: str, origin: str = "https://bank.example") -> list[str]:
    """Lines, with columns of any width, of the bank of the page."""
    text = text.replace(origin, "https://bank.example")
    return [re.sub(r"  +", "  ", line.strip()) for line in text.splitlines() if line.strip()]


def matches(page: list[str], told: list[str]) -> bool:
    """Whether the output is what the page shows, where `...` on the page stands for any lines."""
    if not page:
        return not told
    if page[0] == "...":
        return any(matches(page[1:], told[at:]) for at in range(len(told) + 1))
    return bool(told) and page[0] == told[0] and matches(page[1:], told[1:])


@pytest.mark.parametrize("arguments, output", shown("fapikit discover"))
def test_a_server_is_discovered_as_the_page_shows(
    arguments: list[str], output: str, bank: PlantedBank
) -> None:
    bank.faults.clear()
    told = run(arguments[0], bank.origin, "--ca", bank.ca, *arguments[2:]).stdout
    assert matches([*loose(output), "..."], loose(told, bank.origin)), told


@pytest.mark.parametrize("arguments, output", shown("fapikit doctor"))
def test_a_server_is_examined_as_the_page_shows(arguments: list[str], output: str, bank: PlantedBank) -> None:
    plain = {"code_challenge_methods_supported": ["S256", "plain"]}
    for document in ("oauth-authorization-server", "openid-configuration"):
        bank.faults[document] = lambda honest: (200, {}, {**honest[2], **plain})
    spilt = {**a_key("ES256", 1).public_jwk, "d": "AAAA"}
    bank.faults["jwks"] = lambda honest: (200, {}, {"keys": [*honest[2]["keys"], spilt]})
    told = run(arguments[0], bank.origin, "--ca", bank.ca, *arguments[2:]).stdout
    assert loose(told, bank.origin) == loose(output)


_CLAIMS = {
    "iss": "https://bank.example",
    "sub": "alice",
    "aud": "https://api.example/",
    "client_id": "fintech",
    "iat": 1_799_999_990,
    "exp": 1_800_000_300,
    "jti": "7c1f",
}


@pytest.mark.parametrize("arguments, output", shown("fapikit jwt"))
def test_a_jwt_is_explained_as_the_page_shows(arguments: list[str], output: str, tmp_path: Path) -> None:
    key = PrivateKey.generate("ES256", kid="bank-1")
    (tmp_path / "token.jwt").write_text(mint(_CLAIMS, key, typ="at+jwt"))
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [dict(key.public_jwk)]}))
    told = run(*arguments, cwd=tmp_path).stdout
    assert matches([*map(undated, loose(output))], [*map(undated, loose(told))]), told


def undated(line: str) -> str:
    """How long until a time depends on the day of the test."""
    return re.sub(r"(?:in )?\d+ (?:day|hour|minute|second)s?(?: ago)?|now$", "some day", line)
