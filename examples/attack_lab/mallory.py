"""Mallory's servers: a site that keeps whatever reaches it, and a bank that copies another bank's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

PATHS: Final = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "pushed_authorization_request_endpoint": "par",
}


class Seen(NamedTuple):
    """One request that reached Mallory."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]


class MallorysSite:
    """An ASGI app that answers everything with `page`, and keeps it in `seen`."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.page: Response = PlainTextResponse("you have won a prize")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.seen.append(
            Seen(request.method, request.url.path, dict(request.query_params), form, dict(request.headers))
        )
        await self.answer(self.seen[-1])(scope, receive, send)

    def answer(self, _seen: Seen) -> Response:
        return self.page

    def last(self, path: str) -> Seen:
        """The last request for this path. Raises LookupError: then the attack has not got what it needs."""
        for seen in reversed(self.seen):
            if seen.path == path:
                return seen
        raise LookupError(f"nothing reached Mallory at {path}")


class HostileBank(MallorysSite):
    """A bank of Mallory's. Its metadata are those of an honest bank, with its own issuer and with `changes`.

    `/authorize` redirects the browser to the honest bank with the same query. `/par` and `/token` keep what the client
    sends, and answer as the client hopes.
    """

    def __init__(self, origin: str, honest: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
        super().__init__()
        self.issuer = origin
        self._honest = honest
        self._metadata = {**honest, "issuer": origin, **changes}

    def answer(self, seen: Seen) -> Response:
        if seen.path.startswith("/.well-known/"):
            return JSONResponse(self._metadata)
        if seen.path == "/authorize":
            query = urlencode(dict(seen.query))
            return RedirectResponse(f"{self._honest['authorization_endpoint']}?{query}", 302)
        if seen.path == "/par":
            return JSONResponse({"request_uri": "urn:mallory:1", "expires_in": 60}, 201)
        return JSONResponse({"access_token": "worthless", "token_type": "Bearer", "expires_in": 60})
