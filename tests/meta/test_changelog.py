"""CHANGELOG.md reads as one list: nothing is in it twice, though it is merged by union, and each line can be read."""

from __future__ import annotations

import re
from collections import Counter

from tools.citations import ROOT

TEXT = (ROOT / "CHANGELOG.md").read_text("utf-8")
ENTRIES = [" ".join(entry.split()) for entry in re.findall(r"(?ms)^- (.*?)(?=^- |^#|^\Z)", TEXT)]
BEGINNING = 45
"""Two entries that begin with so many equal characters are about the same."""


def test_no_line_is_too_long_to_read() -> None:
    assert [line for line in TEXT.splitlines() if len(line) > 140] == []


def test_no_entry_is_there_twice() -> None:
    """A merge by union brings back what was moved or reworded: take one of the two away."""
    begun = Counter(entry[:BEGINNING] for entry in ENTRIES)
    assert len(ENTRIES) > 100
    assert [beginning for beginning, times in begun.items() if times > 1] == []


def test_each_entry_is_made_of_sentences() -> None:
    assert [entry for entry in ENTRIES if not entry.endswith((".", ":"))] == []


def test_each_heading_has_entries_and_is_there_once() -> None:
    headings = re.findall(r"(?m)^#{2,3} .*", TEXT)
    assert len(set(headings)) == len(headings)
