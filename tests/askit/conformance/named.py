"""Whether a module of the certification suite has its test."""

from __future__ import annotations

from pathlib import Path


def is_named(module: str, here: Path) -> bool:
    """In a test file beside `here`: as the name of a function, or as the name of a case."""
    sources = [path.read_text() for path in here.parent.glob("test_*.py") if path != here]
    function = f"def test_{module.replace('-', '_').lower()}("
    return any(function in source or f'"{module}"' in source for source in sources)
