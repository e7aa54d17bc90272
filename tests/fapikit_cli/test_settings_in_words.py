"""Whoever types commands reads of options and of the client file, and never of a class of Python."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fapikit import TlsClientAuth
from fapikit.client_authentication.mutual_tls import require_certificate
from fapikit.errors import FapiError
from fapikit_cli.failing import error_as_json, tell_error
from fapikit_cli.settings_in_words import settings_in_words
from tests.fapikit_cli.planted_bank import PlantedBank, planted
from tests.fapikit_cli.running import run

PYTHON = re.compile(r"HttpSettings|\w+=\.\.\.|\bresource=|\bhttp=")


@pytest.fixture(scope="module")
def bank() -> Iterator[PlantedBank]:
    with planted() as bank:
        yield bank


@pytest.mark.parametrize(
    "words", [["doctor"], ["discover"], ["doctor", "--json"], ["register"]], ids=" ".join
)
def test_an_authority_that_nobody_knows_is_an_option(
    words: list[str], bank: PlantedBank, tmp_path: Path
) -> None:
    told = run(*words, bank.origin, cwd=tmp_path)
    assert told.returncode != 0
    assert "--ca FILE, or ca in the client file, says whom to trust" in told.stdout + told.stderr
    assert PYTHON.findall(told.stdout + told.stderr) == []
    if told.stderr:
        assert told.stderr.count("certificate verify failed") == 1, (
            "a fact that the message has is not told again"
        )


def test_a_certificate_that_is_missing_is_a_setting_of_the_client_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(FapiError) as raised:
        require_certificate(TlsClientAuth(), may_show=False)
    tell_error(raised.value)
    told = capsys.readouterr().err + json.dumps(error_as_json(raised.value))
    assert told.count("set certificate in the client file") == 2
    assert PYTHON.findall(told) == []


@pytest.mark.parametrize("said, words", [
    ("the token set has tokens for several resources: set resource= to the one to refresh", "give --resource with the"),
    ("there is none: refresh(resource=...) gets one", "`fapikit token refresh --resource URL` gets one"),
    ("HttpSettings(client_certificate=...) says what is shown", "certificate in the client file (of the"),
])  # fmt: skip
def test_other_settings_are_told_too(said: str, words: str) -> None:
    assert words in settings_in_words(said)
    assert PYTHON.findall(settings_in_words(said)) == []
    assert any(said.partition(":")[2].strip()[:22] in text for text in _library())


def _library() -> Iterator[str]:
    for package in ("fapikit", "rpkit"):
        for path in (Path(__file__).parents[2] / package).rglob("*.py"):
            yield path.read_text("utf-8")


def test_what_is_said_otherwise_stays_as_it_is() -> None:
    assert settings_in_words("iss is not https://bank.example") == "iss is not https://bank.example"
