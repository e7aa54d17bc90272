"""Whether a Japanese sentence has the code, links and emphasis of the English one, and is set as Japanese is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN: Final = MarkdownIt("commonmark")
_JAPANESE: Final = "[\u3041-\u30ff\u3400-\u9fff]"
_SPACED: Final = re.compile(rf"{_JAPANESE} +[\w`\[]|[\w`)] +{_JAPANESE}|\n")
_SHOWN: Final = {
    "code_inline": "`{}`",
    "link_open": "a link to {}",
    "image": "the picture {}",
    "html_inline": "{}",
    "strong_open": "**bold**",
    "em_open": "*emphasis*",
}


def faults(english: str, japanese: str) -> list[str]:
    """What is lost or added, one sentence each; nothing if all is well."""
    wanted, found = _markup(english), _markup(japanese)
    lost = [f"lacks {each}" for each in (wanted - found).elements()]
    added = [f"has {each}, which the English has not" for each in (found - wanted).elements()]
    spaced = [f"has a space or a line break in {each[0]!r}" for each in _SPACED.finditer(japanese)]
    return [*lost, *added, *spaced]


def _markup(text: str) -> Counter[str]:
    return Counter(_marks(_MARKDOWN.parseInline(text)))


def _marks(tokens: Iterable[Token]) -> Iterable[str]:
    for token in tokens:
        yield from _marks(token.children or ())
        if token.type in _SHOWN:
            where = token.attrs.get("href") or token.attrs.get("src") or token.content
            yield _SHOWN[token.type].format(where)
