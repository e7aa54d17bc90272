"""The binding message: a short text that both devices show, so that the user sees that they belong together.

Spec: CIBA 7.1e, 13a; FAPI-CIBA 5.2.2-2
Role: AS
"""

from __future__ import annotations

import unicodedata
from typing import Final

from askit.errors import InvalidBindingMessage
from fapikit.visible_text import is_visible_line

LONGEST: Final = 100
"""Characters: it is compared by eye, on the screen of a phone."""
_MARKS: Final = 2
"""Combining marks on one letter. More of them would paint over the lines around."""


def read_binding_message(text: object) -> str:
    """The text as it is shown. Raises InvalidBindingMessage."""
    if not isinstance(text, str):
        raise InvalidBindingMessage("binding_message must be a string")
    if len(text) > LONGEST:
        raise InvalidBindingMessage(
            f"binding_message is longer than {LONGEST} characters", facts={"characters": len(text)}
        )
    # Neither control characters nor line ends, nor the invisible ones that change the order of what is read.
    if not is_visible_line(text) or _is_stacked(text):
        raise InvalidBindingMessage("binding_message must be one line of characters that can be seen")
    return unicodedata.normalize("NFC", text)


def _is_stacked(text: str) -> bool:
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        if marks > _MARKS:
            return True
    return False
