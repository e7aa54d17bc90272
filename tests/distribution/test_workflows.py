"""The workflows run make targets that exist, with pinned actions and no more rights than they need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
_PIN = re.compile(r"^\s*-?\s*uses: ([\w.-]+/[\w./-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$")
# What a pull request's author chooses. A script that contains it runs what that author wrote.
_CHOSEN_BY_STRANGERS = re.compile(r"\$\{\{[^}]*(?:github\.event|github\.head_ref|inputs\.)[^}]*\}\}")


def workflow(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in workflow(path)["jobs"].values():
        yield from job["steps"]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_workflows() -> None:
    assert "ci.yml" in [path.name for path in WORKFLOWS]


def test_each_action_is_pinned_by_its_hash_with_the_version_beside_it(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if "uses:" in line]
    assert lines
    assert [line for line in lines if not _PIN.match(line)] == []


def test_one_action_has_one_pin_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for line in path.read_text().splitlines():
            if pinned := _PIN.match(line):
                pins.setdefault(pinned[1], set()).add(pinned[2])
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_each_make_target_exists(path: Path) -> None:
    named = re.findall(r"\bmake ([a-z-]+)", path.read_text().partition("jobs:")[2])
    assert named
    assert set(named) <= TARGETS


def test_rights_are_named_and_small(path: Path) -> None:
    read = workflow(path)
    assert read["permissions"] == {"contents": "read"}
    for name, job in read["jobs"].items():
        more = {right for right, level in job.get("permissions", {}).items() if level == "write"}
        assert more <= {"id-token", "attestations"}, name


def test_no_stranger_s_text_reaches_a_shell_and_no_secret_a_stranger(path: Path) -> None:
    text = path.read_text()
    assert "pull_request_target" not in text
    assert "secrets." not in text
    for step in steps(path):
        assert not _CHOSEN_BY_STRANGERS.search(step.get("run", "")), step


def test_a_checkout_leaves_no_credentials_behind(path: Path) -> None:
    checkouts = [step for step in steps(path) if str(step.get("uses", "")).startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_every_job_ends(path: Path) -> None:
    assert all("timeout-minutes" in job for job in workflow(path)["jobs"].values())


def test_every_declared_python_is_tested() -> None:
    declared = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert (
        workflow(ROOT / ".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
        == declared
    )
