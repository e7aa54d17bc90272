"""Every block of code of every page that is written by hand: it runs, or it says why it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pages.blocks import ROOT, Page, pages
from tests.pages.running import Reader

PAGES = pages()
HERE = [page for page in PAGES if page.blocks and not page.run_by]


@pytest.mark.parametrize("page", HERE, ids=[page.name for page in HERE])
def test_every_block_runs(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path)
    for name in page.fixtures:
        value: Any = request.getfixturevalue(name)
        reader.names.update(value if isinstance(value, dict) else {name: value})
    reader.follow(page)


def test_settings_of_the_other_pages_can_be_parsed(tmp_path: Path) -> None:
    for page in PAGES:
        for block in page.blocks if page.run_by else ():
            Reader(tmp_path).parse(block)


def test_no_block_is_only_indented() -> None:
    """It has no language, so nobody can say how to run it. The page of the command line has tests that read it so."""
    pages = [page for page in PAGES if page.name != "docs/command-line.md"]
    assert [block.place for page in pages for block in page.blocks if not block.language] == []


def test_a_page_that_another_test_runs_is_read_by_it() -> None:
    for page in PAGES:
        for test in page.run_by:
            assert Path(page.name).name in (ROOT / test).read_text("utf-8"), (page.name, test)


def test_few_blocks_are_not_run_and_they_say_why() -> None:
    reasons = {
        block.place: block.said["not run"]
        for page in PAGES
        for block in page.blocks
        if "not run" in block.said
    }
    assert all(len(reason.split()) >= 3 for reason in reasons.values()), reasons
    assert len(reasons) <= MOST_NOT_RUN, reasons


MOST_NOT_RUN = 12
