"""Whether a module of the certification suite has its test."""

from __future__ import annotations

import re
from pathlib import Path


def is_named(module: str, here: Path) -> bool:
    """In a test file beside `here`: as the name of a function, made there or imported, or as the name of a case."""
    sources = [path.read_text() for path in here.parent.glob("test_*.py") if path != here]
    function = re.compile(rf"\btest_{module.replace('-', '_').lower()}\b")
    return any(function.search(source) or f'"{module}"' in source for source in sources)
