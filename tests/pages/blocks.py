"""The pages that people read, and their blocks of code, as CommonMark sees them.

A comment above a block says what a reader need not see. CONTRIBUTING.md has the list ("Pages").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

ROOT: Final = Path(__file__).parents[2]
GENERATED: Final = re.compile(r"^Generated (by|from)\b", re.MULTILINE)
SAID: Final = {"fixture", "run by", "ports"}  # about the page
ABOUT_A_BLOCK: Final = {"not run", "file", "added to", "terminal", "as", "output", "fails"}
_COMMENT: Final = re.compile(r"<!--\s*(hidden|[a-z]+(?: [a-z]+)?)\b:?[ \t]*(.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced or indented block. `line` is that of its first line of code; `said` is what comments say of it."""

    page: str
    line: int
    language: str
    code: str
    said: dict[str, str]

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Page:
    """A page, what its comments say of the whole of it, and its blocks in order; hidden ones are Python."""

    name: str
    text: str
    fixtures: tuple[str, ...]
    run_by: tuple[str, ...]
    ports: tuple[str, ...]
    blocks: tuple[Block, ...]

    def in_language(self, language: str) -> list[str]:
        """For tests that run a page in a way of their own."""
        return [
            block.code for block in self.blocks if block.language == language and "not run" not in block.said
        ]


class NotUnderstood(AssertionError):
    """A comment that says nothing which is known here, and would be passed over in silence."""


def read_page(name: str) -> Page:
    """`name` is the path from the root of the project."""
    return parse_page(name, (ROOT / name).read_text("utf-8"))


def parse_page(name: str, text: str) -> Page:
    about: dict[str, list[str]] = {said: [] for said in SAID}
    blocks: list[Block] = []
    pending: dict[str, str] = {}
    for token in MarkdownIt("commonmark").parse(text):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "html_block":
            if token.content.startswith("<!-- sphinx\n"):  # a table of contents, which GitHub cannot show
                continue
            for word, rest, where in _comments(name, token.content, line):
                if word == "hidden":
                    blocks.append(Block(name, where + 1, "python", rest + "\n", {"hidden": ""}))
                elif word in SAID:
                    about[word].extend(each.strip() for each in rest.split(","))
                else:
                    pending[word] = rest
        elif token.type in ("fence", "code_block"):
            fenced = token.type == "fence"
            language = token.info.split()[0] if token.info.strip() else ""
            blocks.append(Block(name, line + fenced, language, token.content, pending))
            pending = {}
        elif token.level == 0 and pending and token.nesting != -1:
            raise NotUnderstood(f"{name}:{line}: no block follows the comment {pending}")
    if pending:
        raise NotUnderstood(f"{name}: no block follows the comment {pending}")
    return Page(name, text, *(tuple(about[said]) for said in ("fixture", "run by", "ports")), tuple(blocks))


def _comments(page: str, html: str, line: int) -> Iterator[tuple[str, str, int]]:
    """The word, what follows it, and the line."""
    for found in _COMMENT.finditer(html):
        word, rest = found[1], found[2]
        if word not in SAID | ABOUT_A_BLOCK | {"hidden"}:
            raise NotUnderstood(
                f"{page}:{line}: <!-- {word} --> is no comment that tests know; see CONTRIBUTING.md"
            )
        yield word, rest, line + html[: found.start()].count("\n")


def pages() -> list[Page]:
    """All pages that are written by hand."""
    names = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    texts = {
        str(path.relative_to(ROOT)): path.read_text("utf-8")
        for path in sorted(names)
        if not {"_build", "locale"} & {*path.parts}
    }
    return [parse_page(name, text) for name, text in texts.items() if not GENERATED.search(text[:400])]
