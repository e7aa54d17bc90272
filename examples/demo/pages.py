"""The fintech's pages, in `templates/`: plain HTML forms, no JavaScript."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

_ENVIRONMENT = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)


def render(page: str, **values: Any) -> str:
    return _ENVIRONMENT.get_template(f"{page}.html").render(**values)


def day(at: float | None) -> str:
    """The date (UTC) of a Unix time."""
    return "unknown" if at is None else dt.datetime.fromtimestamp(at, dt.UTC).date().isoformat()


def minute(at: float | None) -> str:
    """The same, with the time."""
    return "unknown" if at is None else f"{dt.datetime.fromtimestamp(at, dt.UTC):%Y-%m-%d %H:%M} UTC"
