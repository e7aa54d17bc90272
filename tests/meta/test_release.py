"""All that names the version agrees, and a release that would break its promise is stopped."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from tools.release import Entry, entries, next_version, problems, unnamed

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
OLD, NEW = Entry("1.1.0", "2030-01-01", "- Older."), Entry("1.2.0", "2030-02-01", "- Newer.")


def test_the_changelog_begins_with_the_version_of_the_project_and_of_the_installed_package() -> None:
    newest = entries((ROOT / "CHANGELOG.md").read_text())[0]
    assert newest.version == VERSION == version("fapikit")
    assert newest.text


@pytest.mark.parametrize(
    ("tag", "own", "known", "lowest", "told"),
    [
        ("v1.2.1", "1.2.0", [NEW, OLD], None, "the tag is v1.2.1"),
        ("1.2.0", "1.2.0", [NEW, OLD], None, "the tag must be v1.2.0"),
        ("v1.2.0", "1.2.0", [OLD], None, "CHANGELOG.md begins with 1.1.0"),
        ("v1.2.0", "1.2.0", [NEW._replace(date="unreleased"), OLD], None, "no date for 1.2.0"),
        ("v1.2.0", "1.2.0", [NEW, OLD._replace(date="unreleased")], None, "an older version without a date"),
        ("v1.2.0", "1.2.0", [NEW, OLD._replace(version="1.10.0")], None, "the newest version first"),
        ("v1.2.0", "1.2.0", [NEW, OLD], "2.0.0", "must be 2.0.0 or higher"),
    ],
)
def test_what_does_not_agree_stops_a_release(
    tag: str, own: str, known: list[Entry], lowest: str | None, told: str
) -> None:
    assert list(problems("v1.2.0", "1.2.0", [NEW, OLD], "1.2.0")) == []
    (problem,) = problems(tag, own, known, lowest)
    assert told in problem


def test_a_release_names_its_repository() -> None:
    assert list(unnamed("https://git.example/bank/fapikit")) == []
    for wrong in ("", "http://git.example/bank/fapikit"):
        assert "does not name the repository" in "".join(unnamed(wrong))


@pytest.mark.parametrize(
    ("previous", "breaks", "adds", "lowest"),
    [
        ("1.4.2", False, False, "1.4.3"),
        ("1.4.2", False, True, "1.5.0"),
        ("1.4.2", True, True, "2.0.0"),
        ("0.4.2", False, False, "0.4.3"),
        ("0.4.2", False, True, "0.4.3"),
        ("0.4.2", True, True, "0.5.0"),
    ],
)
def test_the_lowest_version_after_a_change(previous: str, breaks: bool, adds: bool, lowest: str) -> None:
    assert next_version(previous, breaks=breaks, adds=adds) == lowest


def test_a_changelog_is_read_by_versions() -> None:
    newest, older = (
        "## [1.2.0] - unreleased\n\n- New.\n\n### Part\n\n- More.",
        "## [1.1.0] - 2030-01-01\n\n- Old.",
    )
    text = f"# Changelog\n\nForm.\n\n{newest}\n\n{older}\n"
    assert entries(text) == [
        Entry("1.2.0", "unreleased", "- New.\n\n### Part\n\n- More."),
        Entry("1.1.0", "2030-01-01", "- Old."),
    ]


@pytest.mark.parametrize("heading", ["## 1.2.0", "## [1.2.0]", "## [1.2.0] - soon", "## [1.2.0] - 1.2.2030"])
def test_a_version_without_the_right_heading_is_told(heading: str) -> None:
    with pytest.raises(ValueError, match="each heading of a version"):
        entries(f"# Changelog\n\n{heading}\n\n- New.\n")
