"""Every file and folder of the project that a guide names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/architecture.md",
    "docs/askit.md",
    "docs/client.md",
    "docs/resource-server.md",
    "docs/stores-and-keys.md",
)
_PATH = re.compile(
    r"`((?!docs/_build)(?:fapikit|rpkit|rskit|askit|asgi_mw|wsgi_mw|tests|tools|examples|benchmarks|docs)/[\w./-]*)`"
)


@pytest.mark.parametrize("guide", GUIDES)
def test_the_files_that_a_guide_names_are_there(guide: str) -> None:
    named = _PATH.findall((ROOT / guide).read_text("utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_architecture_names_files() -> None:
    assert len(_PATH.findall((ROOT / "docs/architecture.md").read_text("utf-8"))) > 20
