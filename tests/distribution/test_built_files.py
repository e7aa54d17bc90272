"""The wheel holds the packages and nothing else; the sdist holds the project, and makes the same files again."""

from __future__ import annotations

import email
import re
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.distribution.built import PACKAGES, ROOT, Built, build, tracked
from tools.package_metadata import readme

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
REPOSITORY = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]


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
    assert metadata.get_payload() == readme(ROOT, REPOSITORY, f"v{PROJECT['version']}")


def test_an_index_page_leads_to_the_repository_that_one_setting_names(source: Path, tmp_path: Path) -> None:
    settings = source / "pyproject.toml"
    text = settings.read_text()
    assert text.count(f'repository = "{REPOSITORY}"') == 1
    named = text.replace(f'repository = "{REPOSITORY}"', 'repository = "https://git.example/bank/fapikit/"')
    settings.write_text(named)
    with zipfile.ZipFile(build(source, tmp_path / "named").wheel) as archive:
        name = f"fapikit-{PROJECT['version']}.dist-info/METADATA"
        metadata = email.message_from_bytes(archive.read(name))
    assert "Source, https://git.example/bank/fapikit" in metadata.get_all("Project-URL", [])
    page, at = str(metadata.get_payload()), f"v{PROJECT['version']}"
    for address in (
        f"](https://git.example/bank/fapikit/blob/{at}/docs/client.md#sign-messages)",
        f"](https://git.example/bank/fapikit/tree/{at}/docs/how-to)",
        f"](https://git.example/bank/fapikit/raw/{at}/docs/img/flow-viewer-flow.png)",
    ):
        assert address in page
    linked = re.findall(r"\]\(([^)\s#]+)", page)
    assert [path for path in linked if (ROOT / path).exists()] == []


def test_the_links_of_the_readme_lead_somewhere() -> None:
    linked = re.findall(r"\]\(([\w./-]+\.(?:md|py|png))", (ROOT / "README.md").read_text())
    assert len(linked) > 20
    assert [path for path in linked if not (ROOT / path).exists()] == []


def test_the_sdist_has_all_that_the_tests_need_and_nothing_that_git_does_not_know(built: Built) -> None:
    names = built.sdist_names()
    assert names - tracked() == {"PKG-INFO"}
    assert {name for name in tracked() - names if not name.startswith(".ci/")} == set()


def test_the_sdist_makes_the_same_files_again_octet_for_octet(
    built: Built, source: Path, tmp_path: Path
) -> None:
    """In another folder, with other times on the files."""
    assert build(source, tmp_path / "again").hashes() == built.hashes()
