"""A fintech: a Starlette app whose customers sign in at their bank, see their accounts and make one payment.

Set ISSUER, CLIENT_ID, KEY_FILE (PEM), REDIRECT_URI, API and SEAL_FILE (32 random octets) in the environment, and
CA_FILE and STORE if you need them. Run it without an access log, because the callback's URL contains a code:

    uvicorn --factory examples.fintech_app:from_environment --no-access-log --port 9445 --ssl-certfile ...
"""

from __future__ import annotations

import html
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from fapikit import HttpSettings, PrivateKey, PrivateKeyJWT, Seal, Store, client_context, store_from_url
from fapikit.errors import SealBroken
from rpkit import AsyncClient, Login, TokenSet, TokenStore
from rpkit.starlette import SignIn

USER = "__Host-user"
SIGN_IN = '<form method="post" action="/login">Pay EUR <input name="amount"><button>Sign in at the bank</button></form>'
PAY = (
    '<form method="post" action="/pay">Pay EUR <input name="amount"><button>Pay as you agreed</button></form>'
)


async def payment(request: Request) -> dict[str, Any] | None:
    """The payment of the posted form. The customer consents to it at the bank, and the API compares it."""
    amount = parse_qs((await request.body()).decode()).get("amount", [""])[0]
    if not amount:
        return None
    return {
        "type": "payment_initiation",
        "instructedAmount": {"currency": "EUR", "amount": amount},
        "creditorName": "Green Grocer Ltd",
        "creditorAccount": {"iban": "DE02120300000000202051"},
        "remittanceInformationUnstructured": "Invoice 2026-0815",
    }


class Fintech:
    """The pages, and the data that they share."""

    def __init__(
        self,
        bank: Mapping[str, Any],
        *,
        api: str,
        redirect_uri: str,
        store: Store,
        seal: Seal,
        api_options: Mapping[str, Any] | None = None,
    ) -> None:
        """`bank`: the arguments of `discover`. `api_options`: the arguments that `AsyncClient.api` passes to httpx."""
        self._bank = {
            **bank,
            "redirect_uri": redirect_uri,
            "store": store,
            "token_store": TokenStore(store, seal),
        }
        self._api, self._seal, self._api_options = api, seal, api_options or {}
        self.sign_in = SignIn(
            self._connect,
            redirect_uri=redirect_uri,
            seal=seal,
            on_login=self._welcome,
            begin=self._wish,
            scope="openid accounts payments",
            resources=[api],
        )

    def app(self) -> Starlette:
        pages = [Route("/", self._home), Route("/pay", self._pay, methods=["POST"])]
        return Starlette(
            routes=[*pages, *self.sign_in.routes()],
            lifespan=self._lifespan,
            exception_handlers=self.sign_in.exception_handlers(),  # after the end of a grant the user signs in again
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        await self.sign_in.aclose()

    async def _connect(self) -> AsyncClient:
        return await AsyncClient.discover(**self._bank)

    async def _wish(self, request: Request) -> Mapping[str, Any]:
        """The parameters of this login in addition to those of every login."""
        wanted = await payment(request)
        return {} if wanted is None else {"authorization_details": [wanted]}

    async def _welcome(self, _request: Request, login: Login) -> Response:
        assert login.id_token is not None  # openid is among the scopes
        user = login.id_token.subject
        await (await self.sign_in.client()).save_tokens(user, login.tokens)
        response = RedirectResponse("/", 303)
        sealed = self._seal.seal_text(user.encode(), USER)
        response.set_cookie(USER, sealed, secure=True, httponly=True, samesite="lax")
        return response

    async def _home(self, request: Request) -> Response:
        answer = await self._call(request, "GET", "accounts")
        if answer.status_code != 200 or not isinstance(answer, JSONResponse):
            return answer
        return HTMLResponse(f"<pre>{html.escape(bytes(answer.body).decode())}</pre>{PAY}")

    async def _pay(self, request: Request) -> Response:
        """One consent, one payment, one key. A retry with the same key is the same payment."""
        tokens = await self._tokens(request)
        consents = [] if tokens is None else [detail["consent_id"] for detail in tokens.authorization_details]
        headers = {"Idempotency-Key": f'"{consents[0]}"'} if consents else {}
        return await self._call(request, "POST", "payments", json=await payment(request), headers=headers)

    async def _call(self, request: Request, method: str, path: str, **content: Any) -> Response:
        """Call the API for the customer; if there is no token, ask the customer to sign in."""
        tokens = await self._tokens(request)
        if tokens is None:
            return HTMLResponse(SIGN_IN)
        bank = await self.sign_in.client()
        async with bank.api(tokens, base_url=self._api, resource=self._api, **self._api_options) as api:
            answer = await api.request(method, path, **content)
        return JSONResponse(answer.json(), answer.status_code)

    async def _tokens(self, request: Request) -> TokenSet | None:
        try:
            user = self._seal.open_text(request.cookies.get(USER, ""), USER).decode()
        except SealBroken:
            return None
        return await (await self.sign_in.client()).load_tokens(user)


def from_environment() -> Starlette:
    key = PrivateKey.from_pem(Path(os.environ["KEY_FILE"]).read_text())
    bank = {"issuer": os.environ["ISSUER"], "client_id": os.environ["CLIENT_ID"], "auth": PrivateKeyJWT(key)}
    return Fintech(
        {**bank, "http": HttpSettings(tls=client_context(ca=os.environ.get("CA_FILE")))},
        api=os.environ["API"],
        redirect_uri=os.environ["REDIRECT_URI"],
        store=store_from_url(os.environ.get("STORE", "memory:")),
        seal=Seal([Path(os.environ["SEAL_FILE"]).read_bytes()]),
    ).app()
