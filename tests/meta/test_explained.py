"""The how-to pages, the concepts and the glossary name only settings, errors, clauses and attacks that exist."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from examples.attack_lab.catalogue import THREATS
from tools.citations import PACKAGES, ROOT, clauses_in, in_code
from tools.errors_doc import import_everything, leaves

DOCS = ROOT / "docs"
PAGES = sorted(
    page
    for page in (*DOCS.glob("how-to/*.md"), *DOCS.glob("concepts/*.md"), DOCS / "glossary.md")
    if page.exists()
)
_CODE_NAME = re.compile(r"`([A-Za-z]\w*(?:[A-Z_]\w*)+)(?:[=(][^`]*)?`")
_ERROR_AND_CLAUSE = re.compile(r"`([A-Z]\w+)` \(([^()]*)\)")
_LAB = re.compile(r"make lab T=(\w+)")
_BLOCK = re.compile(r"(?ms)^```.*?^```")
_DIAGRAM = re.compile(r"```mermaid\n(\w+)")
OTHERS = frozenset(
    [
        "ALWAYS_FORWARD_ONLY",
        "APPEND_FORWARD",
        "FORWARD_ONLY",
        "MessageType",
        "preload_app",
        "requestedAccessTokenVersion",
    ]
)
"""Names of other software that no code here mentions."""
DEFINE = frozenset(
    [
        "OIDC 3.3",
        "RFC 6749 1.3.1",
        "RFC 6749 1.4",
        "RFC 6749 1.5",
        "RFC 7515 4.1.4",
        "RFC 7519 4.1.2",
        "RFC 7519 4.1.7",
        "RFC 8628 3.2",
    ]
)
"""Clauses that say what a word means, and demand nothing that code could cite."""


@pytest.fixture(scope="module")
def words() -> frozenset[str]:
    """All names of the code, of the examples and of the settings there."""
    files = [
        path
        for folder in (*PACKAGES, "examples", "tools")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".conf", ".yaml", ".cfg", ".tsv", ".html", ".json"}
    ]
    text = " ".join(path.read_text("utf-8") for path in files)
    return frozenset(re.findall(r"[A-Za-z]\w+", text))


@pytest.fixture(scope="module")
def clauses() -> frozenset[str]:
    """Those of the spec map, and those that the code cites."""
    with (ROOT / "tools" / "clauses.tsv").open(encoding="utf-8") as file:
        return frozenset(row["clause"] for row in csv.DictReader(file, delimiter="\t")) | in_code().keys()


@pytest.fixture(scope="module")
def sources() -> list[str]:
    return [path.read_text("utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def _prose(page: Path) -> str:
    """Without its blocks of code, which are run."""
    return _BLOCK.sub("", page.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_names_is_there(page: Path, words: frozenset[str], clauses: frozenset[str]) -> None:
    text, own = _prose(page), set(re.findall(r"\w+", " ".join(_BLOCK.findall(page.read_text("utf-8")))))
    assert sorted(set(_CODE_NAME.findall(text)) - words - own - OTHERS) == []
    assert [threat for threat in _LAB.findall(text) if threat not in THREATS] == []
    assert sorted(set(clauses_in(text)) - clauses - DEFINE) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_an_error_is_raised_with_the_clause_that_a_page_gives_it(page: Path, sources: list[str]) -> None:
    import_everything()
    kinds = {kind.__name__ for kind in leaves()}
    played = (DOCS / "threats.md").read_text("utf-8")  # what `make lab` saw
    wrong = [
        f"{name} ({clause})"
        for name, said in _ERROR_AND_CLAUSE.findall(_prose(page))
        if name in kinds
        for clause in clauses_in(said)
        if f"`{name}` ({clause})" not in played
        and not any(name in source and f'"{clause}"' in source for source in sources)
    ]
    assert wrong == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("concepts/*.md")), ids=lambda page: page.stem)
def test_a_concept_is_one_screen_with_one_picture(page: Path) -> None:
    text = page.read_text("utf-8")
    assert _DIAGRAM.findall(text) in (["sequenceDiagram"], ["flowchart"])
    assert len(text.splitlines()) <= 45
    assert "## Where fapikit does it" in text
    assert "## What goes wrong without it" in text


@pytest.mark.parametrize("page", sorted(DOCS.glob("concepts/*.md")), ids=lambda page: page.stem)
def test_the_words_of_a_picture_fit_into_it(page: Path) -> None:
    """Mermaid cuts a text at `;` and `#`, and lets a long one run over others."""
    for line in "".join(re.findall(r"(?ms)^```mermaid\n(.*?)^```", page.read_text("utf-8"))).splitlines():
        before, _, words = line.partition(": ")
        longest = 32 if "Note over" in before else 52
        assert all(len(part) <= longest for part in words.split("<br/>")), line
        assert not {";", "#"} & set(line), line


def test_the_glossary_is_in_the_order_of_the_alphabet() -> None:
    terms = re.findall(r"(?m)^\*\*(.+?)\.?\*\*", (DOCS / "glossary.md").read_text("utf-8"))
    keys = [re.sub(r"[^a-z0-9 ]", "", term.lower()) for term in terms]
    assert len(keys) > 100
    assert keys == sorted(keys)
