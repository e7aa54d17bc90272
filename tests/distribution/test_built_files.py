"""The wheel holds the packages and nothing else; the sdist holds the project, and makes the same files again."""

from __future__ import annotations

import email
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.distribution.built import PACKAGES, ROOT, Built, build, tracked

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_wheel_has_every_file_of_the_packages_and_no_other(built: Built) -> None:
    """Templates, style, texts, words and `py.typed` among them; no tests, no caches, nothing private."""
    metadata = f"fapikit-{PROJECT['version']}.dist-info/"
    about = {name for name in built.wheel_names() if name.startswith(metadata)}
    assert built.wheel_names() - about == tracked(*PACKAGES)
    assert {name.removeprefix(metadata) for name in about} == {
        *("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    }


@pytest.mark.parametrize(
    "name",
    [
        *(f"{package}/py.typed" for package in PACKAGES),
        *("askit/pages/consent.html", "askit/pages/style.css", "askit/pages/ja.json"),
        *("fapikit_viewer/page/viewer.js", "fapikit_viewer/words/parameters.toml"),
    ],
)
def test_what_a_package_reads_at_run_time_is_in_the_wheel(built: Built, name: str) -> None:
    assert name in built.wheel_names()


def test_the_metadata_says_what_pyproject_says(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        metadata = email.message_from_bytes(archive.read(f"fapikit-{PROJECT['version']}.dist-info/METADATA"))
    assert metadata["Version"] == PROJECT["version"]
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert metadata["License-Expression"] == PROJECT["license"]
    assert metadata.get_all("Provides-Extra") == sorted(PROJECT["optional-dependencies"])
    assert metadata.get_payload() == (ROOT / "README.md").read_text()


def test_the_sdist_has_all_that_the_tests_need_and_nothing_that_git_does_not_know(built: Built) -> None:
    names = built.sdist_names()
    assert names - tracked() == {"PKG-INFO"}
    assert {name for name in tracked() - names if not name.startswith(".ci/")} == set()


def test_the_sdist_makes_the_same_files_again_octet_for_octet(
    built: Built, source: Path, tmp_path: Path
) -> None:
    """In another folder, with other times on the files."""
    assert build(source, tmp_path / "again").hashes() == built.hashes()
