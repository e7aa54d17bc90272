"""The fintech's web site: a callback page, and the open redirector that marketing asked for."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route


def naive_site() -> Starlette:
    async def callback(_request: Request) -> Response:
        return PlainTextResponse("welcome back")

    async def go(request: Request) -> Response:
        """Redirects anywhere, and hands on what it was called with: the naive way to count clicks."""
        target = request.query_params["to"]
        rest = str(request.url.query).partition("&")[2]
        return RedirectResponse(f"{target}?{rest}" if rest else target, 302)

    return Starlette(routes=[Route("/callback", callback), Route("/callback/go", go)])
