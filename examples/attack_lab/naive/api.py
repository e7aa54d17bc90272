"""The naive bank's API: any token that the bank knows is good for each of its endpoints, in the header or the query."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from examples.attack_lab.ecosystem import BALANCES
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
