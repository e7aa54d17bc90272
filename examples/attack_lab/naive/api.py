"""Two naive APIs. One takes any token that the naive bank knows, for each of its endpoints, in header or query.

The other one takes any JWT of a shipped bank.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from examples.attack_lab.ecosystem import BALANCES
from examples.attack_lab.jwts import claims_of
from examples.attack_lab.naive.bank import NaiveBank

ENDPOINTS = ("/accounts", "/accounts/history", "/payments")


class NaiveApi:
    """An ASGI app: the API's endpoints, and everything else at the bank."""

    def __init__(self, bank: NaiveBank, rest: ASGIApp) -> None:
        self._bank = bank
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in ENDPOINTS:
            await self._rest(scope, receive, send)
            return
        await self._answer(Request(scope))(scope, receive, send)

    def _answer(self, request: Request) -> JSONResponse:
        _, _, token = request.headers.get("authorization", "").partition(" ")
        known = self._bank.tokens.get(token or request.query_params.get("access_token", ""))
        if known is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse({"owner": known["owner"], "balance": BALANCES[known["owner"]]})


def believing(issuer: str) -> ASGIApp:
    """An API that serves the `sub` of whatever JWT this issuer has signed, for whatever purpose.

    The attacks that use it have JWTs whose signature is right, so its verification is left out.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            claims = claims_of(Request(scope).headers["authorization"].split()[1])
            good = claims["iss"] == issuer and claims["sub"] == "alice"
            await PlainTextResponse("welcome" if good else "no", 200 if good else 401)(scope, receive, send)

    return app
