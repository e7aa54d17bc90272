"""Writing a generated document, or with `--check` only telling whether the one in the repository is stale."""

from __future__ import annotations

import sys
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
