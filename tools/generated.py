"""Writing a generated document, or with `--check` only telling whether the one in the repository is stale."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def write_or_check(target: Path, text: str) -> int:
    """The exit code: 1 only if asked to check and the file differs."""
    if "--check" not in sys.argv[1:]:
        target.write_text(text, "utf-8")
        return 0
    if target.exists() and target.read_text("utf-8") == text:
        return 0
    print(f"{target.name} is stale: run `make docs`", file=sys.stderr)
    return 1


def write_or_check_all(folder: Path, texts: Mapping[Path, str]) -> int:
    """The same for a folder of which every Markdown file is generated. What is no longer made is removed."""
    left_over = set(folder.rglob("*.md")) - set(texts)
    if "--check" not in sys.argv[1:]:
        for path in left_over:
            path.unlink()
        for path in texts:
            path.parent.mkdir(parents=True, exist_ok=True)
    elif left_over:
        print(f"{min(left_over).name} is no longer made: run `make docs`", file=sys.stderr)
        return 1
    return max(write_or_check(path, text) for path, text in texts.items())
