"""Checks that a tag, pyproject.toml, CHANGELOG.md and the public surface agree, and prints the notes of the release.

    python -m tools.release v0.2.0

docs/releases.md says how a release is made.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import NamedTuple

from packaging.version import Version

from tools.citations import ROOT
from tools.surface.changes import changes
from tools.surface.line import read

CHANGELOG = ROOT / "CHANGELOG.md"
SURFACE = "docs/public-surface.txt"
UNRELEASED = "unreleased"
_HEADING = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d|unreleased)$", re.MULTILINE)


class Entry(NamedTuple):
    """One version in the changelog, newest first. `date`: ISO 8601, or `unreleased`."""

    version: str
    date: str
    text: str


def entries(changelog: str) -> list[Entry]:
    """Raises ValueError for a heading of the second level that is no version with its date."""
    headings = list(_HEADING.finditer(changelog))
    if len(headings) != len(re.findall(r"^## ", changelog, re.MULTILINE)):
        raise ValueError(
            "CHANGELOG.md: each heading of a version is `## [1.2.3] - 2030-12-31`, or `- unreleased`"
        )
    ends = [*(heading.start() for heading in headings[1:]), len(changelog)]
    return [
        Entry(heading[1], heading[2], changelog[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    ]


def next_version(previous: str, *, breaks: bool, adds: bool) -> str:
    """The lowest version that may come after this one. Before 1.0.0 a break raises the second number."""
    major, minor, patch = Version(previous).release
    if breaks and major:
        return f"{major + 1}.0.0"
    if breaks or (adds and major):
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def problems(tag: str, version: str, known: list[Entry], lowest: str | None) -> Iterator[str]:
    """What must be mended before the release. `lowest`: the lowest version that the changes allow."""
    newest = known[0]
    if tag != f"v{version}":
        yield f"the tag is {tag}, and pyproject.toml has the version {version}: the tag must be v{version}"
    if newest.version != version:
        yield f"CHANGELOG.md begins with {newest.version}, and pyproject.toml has the version {version}"
    if newest.date == UNRELEASED:
        yield f"CHANGELOG.md has no date for {newest.version}"
    if any(entry.date == UNRELEASED for entry in known[1:]):
        yield "CHANGELOG.md has an older version without a date"
    if sorted(known, key=lambda entry: Version(entry.version), reverse=True) != known:
        yield "CHANGELOG.md does not have the newest version first"
    if lowest is not None and Version(version) < Version(lowest):
        yield f"the public surface has changed: the version must be {lowest} or higher, see {SURFACE}"


def unnamed(repository: str) -> Iterator[str]:
    """Without an address the page at the index leads nowhere."""
    if not repository.startswith("https://"):
        yield (
            "pyproject.toml does not name the repository: set repository in [tool.hatch.metadata.hooks.custom] to its "
            "https address"
        )


def lowest_version(known: list[Entry]) -> str | None:
    """By the public surface of the last release, if there is one. Raises CalledProcessError without its tag."""
    if len(known) < 2:
        return None
    previous = known[1].version
    command = ["git", "show", f"v{previous}:{SURFACE}"]
    before = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = changes(read(before), read((ROOT / SURFACE).read_text("utf-8")))
    return next_version(previous, breaks=any(change.breaks for change in found), adds=bool(found))


def main() -> int:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    version = settings["project"]["version"]
    repository = settings["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]
    known = entries(CHANGELOG.read_text("utf-8"))
    wrong = [*problems(sys.argv[1], version, known, lowest_version(known)), *unnamed(repository)]
    for problem in wrong:
        print(problem, file=sys.stderr)
    if not wrong:
        print(known[0].text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
