"""The fintech's pages, in `templates/`: plain HTML forms and one style sheet. No script runs, and nothing is loaded
from elsewhere.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from examples.demo.banks import BANKS


def answer(page: str, status: int = 200, *, leads_to: Iterable[str] = (), **values: Any) -> HTMLResponse:
    """A page. `leads_to`: origins to which a form of it may lead, by a redirect too."""
    targets = " ".join(("'self'", *leads_to))
    policy = (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {targets}"
    )
    return HTMLResponse(
        _ENVIRONMENT.get_template(f"{page}.html").render(**values),
        status,
        {"content-security-policy": policy, "cache-control": "no-store"},
    )


async def style(_request: Request) -> Response:
    """The style sheet. Each bank has its colour in it, because the policy allows no style in a page."""
    return Response(_ENVIRONMENT.get_template("style.css").render(banks=BANKS), media_type="text/css")


STYLE = Route("/style.css", style)


def in_fours(iban: str) -> str:
    """An IBAN as the bank shows it."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))


def minute(at: float | None) -> str:
    """The date and time (UTC) of a Unix time."""
    return "unknown" if at is None else f"{dt.datetime.fromtimestamp(at, dt.UTC):%Y-%m-%d %H:%M} UTC"


def money(amount: str) -> str:
    """An amount with its thousands apart."""
    return f"{float(amount):,.2f}"


_ENVIRONMENT = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
_ENVIRONMENT.filters.update(in_fours=in_fours, minute=minute, money=money)
