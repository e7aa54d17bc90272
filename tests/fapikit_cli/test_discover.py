"""`fapikit discover`: what a server says, where its documents differ, and which profiles it fits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from askit.pytest_plugin.running import RunningServer
from tests.fapikit_cli.planted_bank import PlantedBank, planted
from tests.fapikit_cli.running import run


@pytest.fixture(scope="module")
def bank() -> Iterator[PlantedBank]:
    with planted() as bank:
        yield bank


def test_tells_what_askit_can_do(askit: RunningServer[Any]) -> None:
    told = run("discover", askit.issuer, "--ca", askit.ca)
    assert told.returncode == 0, told.stderr
    assert f"{askit.issuer}/par, and takes no other" in told.stdout
    assert "fapi2-security         yes" in told.stdout
    assert "backchannel_token_delivery_modes_supported has no push [FAPI-CIBA 5.2.2-3]" in told.stdout


@pytest.mark.spec("RFC 8414 3.3")
def test_tells_where_the_documents_differ(bank: PlantedBank) -> None:
    bank.faults["openid-configuration"] = lambda honest: (
        200,
        {},
        {**honest[2], "scopes_supported": ["other"]},
    )
    told = run("discover", bank.origin, "--ca", bank.ca, "--json")
    assert told.returncode == 0, told.stderr
    said = json.loads(told.stdout)
    assert [document["usable"] for document in said["documents"]] == [True, True]
    assert said["differences"] == [
        {
            "member": "scopes_supported",
            "oauth-authorization-server": ["openid"],
            "openid-configuration": ["other"],
        }
    ]
    assert said["profiles"]["fapi2-security"]["fits"] is True
    assert said["profiles"]["fapi-ciba"]["fits"] is False


def test_an_issuer_of_another_name_is_refused_and_told_how_to_write_it(bank: PlantedBank) -> None:
    told = run("discover", bank.origin + "/", "--ca", bank.ca)
    assert told.returncode == 1
    assert f"issuer='{bank.origin}'" in told.stderr


def test_a_host_that_does_not_answer_is_undecided() -> None:
    told = run("discover", "https://localhost:1")
    assert told.returncode == 3
    assert "retry later" in told.stderr


def test_what_a_server_writes_cannot_command_the_terminal(bank: PlantedBank) -> None:
    evil = {"scopes_supported": ["\x1b]0;title\x07"]}
    bank.faults["oauth-authorization-server"] = lambda honest: (200, {}, {**honest[2], **evil})
    told = run("discover", bank.origin, "--ca", bank.ca)
    assert "\\x1b]0;title\\x07" in told.stdout
    assert "\x1b" not in told.stdout
