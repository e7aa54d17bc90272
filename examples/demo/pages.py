"""The fintech's pages, in `templates/`: plain HTML forms, no JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

_ENVIRONMENT = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)


def render(page: str, **values: Any) -> str:
    return _ENVIRONMENT.get_template(f"{page}.html").render(**values)
