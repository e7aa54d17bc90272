"""The fintech's pages, in `templates/`: plain HTML forms, no JavaScript."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader


def render(page: str, **values: Any) -> str:
    return _ENVIRONMENT.get_template(f"{page}.html").render(**values)


def in_fours(iban: str) -> str:
    """An IBAN as the bank shows it."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))


def minute(at: float | None) -> str:
    """The date and time (UTC) of a Unix time."""
    return "unknown" if at is None else f"{dt.datetime.fromtimestamp(at, dt.UTC):%Y-%m-%d %H:%M} UTC"


_ENVIRONMENT = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
_ENVIRONMENT.filters.update(in_fours=in_fours, minute=minute)
