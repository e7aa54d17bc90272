"""Whether a text can be seen: some letters and symbols are blank, though Unicode counts them as printable.

Spec: CIBA 7.1e, 13a; RFC 8628 3.2a
"""

from __future__ import annotations

import unicodedata
from typing import Final

BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""The fillers of Hangul, the empty Braille pattern, and marks without a shape. Not those that select a variant."""


def can_be_seen(text: str) -> bool:
    """Whether at least one character has a shape of its own."""
    return any(
        unicodedata.category(character)[0] not in "CMZ" and character not in BLANK for character in text
    )


def is_visible_line(text: str) -> bool:
    """Whether the text is one line of characters that can be seen, with spaces between them."""
    return text.isprintable() and BLANK.isdisjoint(text) and can_be_seen(text)
