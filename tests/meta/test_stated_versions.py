"""The guide states the oldest versions of the frameworks that are tested: those of pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = {
    "starlette": "Starlette",
    "fastapi": "FastAPI",
    "flask": "Flask",
    "werkzeug": "Werkzeug",
    "django": "Django",
    "djangorestframework": "REST framework",
}


def test_the_guide_states_the_versions_of_pyproject() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    floors = dict(re.findall(r"^(\w+)>=(\S+)$", "\n".join(chain(*extras.values())), re.MULTILINE))
    guide = " ".join((ROOT / "docs" / "resource-server.md").read_text().split())
    (stated,) = re.findall(r"The oldest versions that are tested are (.*?)\. pip", guide)
    for package, name in NAMES.items():
        assert f"{name} {floors[package]}" in re.split(", | and ", stated)
