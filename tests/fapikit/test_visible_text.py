"""What a person can see of a text: letters of any script, and no blank that only counts as a letter."""

from __future__ import annotations

import pytest

from fapikit.visible_text import BLANK, can_be_seen, is_visible_line

SEEN = ["W4SCT", "Till 4", "レジ4番", "계산대", "cafe\u0301", "葛\U000e0100城", "\u2714\ufe0f", "€"]
BLANKS = [
    "",
    " ",
    "\u3164",
    "\u2800 \u2800",
    "\u115f\u1160",
    "\u200b",
    "\ufe0f",
    "\u0301",
    "\u00a0",
    "\ue000",
]


@pytest.mark.parametrize("text", SEEN)
def test_what_can_be_seen(text: str) -> None:
    assert can_be_seen(text)
    assert is_visible_line(text)


@pytest.mark.parametrize("text", BLANKS)
def test_what_cannot(text: str) -> None:
    assert not can_be_seen(text)
    assert not is_visible_line(text)


@pytest.mark.parametrize("character", [*sorted(BLANK), "\n", "\u202e", "\u200b"])
def test_a_blank_among_letters_is_no_visible_line(character: str) -> None:
    assert can_be_seen(f"Till{character}4")
    assert not is_visible_line(f"Till{character}4")
