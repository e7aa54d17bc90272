"""The fintech: a small Starlette web app that uses `rpkit` to sign customers in at the bank and to pay.

The browser holds one cookie, an unguessable session id; everything else stays on this side.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.demo.pages import render
from examples.demo.trace import Recorder
from examples.demo.world import CLIENT_ID, World, payment
from fapikit import FapiError, PrivateKeyJWT
from fapikit.parameters import Parameters, parse_parameters
from rpkit import AsyncClient, Login, Start, TokenSet

COOKIE = "__Host-penny"


@dataclass
class Session:
    """What the fintech knows of one browser."""

    csrf: str
    start: Start | None = None
    login: Login | None = None
    tokens: TokenSet | None = None
    wanted: dict[str, Any] | None = None
    idempotency_key: str = ""
    name: str = ""


class Fintech:
    def __init__(self, world: World) -> None:
        self.world = world
        self.sessions: dict[str, Session] = {}
        self.recorder = Recorder(world, "fintech")
        self.bank: AsyncClient

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.bank = await AsyncClient.discover(
            self.world.bank,
            client_id=CLIENT_ID,
            auth=PrivateKeyJWT(self.world.key_of(CLIENT_ID)),
            redirect_uri=self.world.redirect_uri,
            profile=self.world.profile,
            http=self.recorder.settings(),
        )
        yield

    async def home(self, request: Request) -> Response:
        session_id, session = self._session(request)
        response = HTMLResponse(render("home", session=session, payment=payment()))
        response.set_cookie(COOKIE, session_id, secure=True, httponly=True, samesite="lax", path="/")
        return response

    async def login(self, request: Request) -> Response:
        """Push the request to the bank and send the browser there."""
        session, form = await self._submitted(request)
        session.wanted = payment(form["amount"], form["payee"])
        session.start = await self.bank.begin(
            scope="openid profile accounts payments",
            resources=[self.world.accounts_resource, self.world.payments_resource],
            authorization_details=[session.wanted],
        )
        return RedirectResponse(session.start.url, 303)

    async def callback(self, request: Request) -> Response:
        """The bank sends the browser back: check everything, exchange the code for the accounts token."""
        _, session = self._session(request)
        start, session.start = session.start, None
        if start is None:
            return HTMLResponse(render("problem", why="No sign-in was begun in this browser."), 400)
        try:
            session.login = await self.bank.complete(
                str(request.url), start.transaction, resource=self.world.accounts_resource
            )
        except FapiError as error:
            return HTMLResponse(render("problem", why=f"{error} What to do: {error.remedy}."), 400)
        session.tokens = session.login.tokens
        session.name = session.login.id_token.subject if session.login.id_token else "customer"
        session.idempotency_key = str(uuid.uuid4())
        return RedirectResponse("/", 303)

    async def accounts(self, request: Request) -> Response:
        _, session = self._session(request)
        if session.tokens is None:
            return RedirectResponse("/", 303)
        async with self._api(session.tokens, self.world.accounts_resource) as api:
            answer = await api.get(self.world.accounts_resource)
        return HTMLResponse(render("accounts", session=session, accounts=answer.json()["accounts"]))

    async def pay(self, request: Request) -> Response:
        """Fetch the payment token by a refresh if it is not there yet, then pay."""
        session, _ = await self._submitted(request)
        if session.tokens is None or session.wanted is None:
            return RedirectResponse("/", 303)
        if not session.tokens.has(self.world.payments_resource):
            session.tokens = await self.bank.refresh(session.tokens, resource=self.world.payments_resource)
        async with self._api(session.tokens, self.world.payments_resource) as api:
            answer = await api.post(
                self.world.payments_resource,
                json=session.wanted,
                headers={"Idempotency-Key": session.idempotency_key},
            )
        if answer.status_code == 201:
            return HTMLResponse(render("receipt", session=session, receipt=answer.json()))
        why = answer.headers.get("www-authenticate", answer.text)
        return HTMLResponse(render("problem", why=f"The bank answered {answer.status_code}: {why}"), 502)

    async def revoke(self, request: Request) -> Response:
        session, _ = await self._submitted(request)
        if session.tokens is not None:
            await self.bank.revoke(session.tokens)
        return HTMLResponse(render("revoked", session=session))

    async def events(self, request: Request) -> Response:
        """Who signed in, and every check that was made, with its clause."""
        _, session = self._session(request)
        if session.login is None:
            return RedirectResponse("/", 303)
        user = await self.bank.userinfo(session.login)
        return HTMLResponse(render("events", login=session.login, user=user))

    def _api(self, tokens: TokenSet, resource: str) -> Any:
        return self.bank.api(
            tokens, base_url=resource, resource=resource, event_hooks=self.recorder.async_hooks()
        )

    def _session(self, request: Request) -> tuple[str, Session]:
        session_id = request.cookies.get(COOKIE, "")
        session = self.sessions.get(session_id)
        if session is None:
            session_id = secrets.token_urlsafe(32)
            session = self.sessions[session_id] = Session(csrf=secrets.token_urlsafe(32))
        return session_id, session

    async def _submitted(self, request: Request) -> tuple[Session, Parameters]:
        _, session = self._session(request)
        form = parse_parameters(await request.body())
        if not secrets.compare_digest(form.get("csrf", ""), session.csrf):
            raise PermissionError("this form was not made for this browser")
        return session, form


async def problem(_request: Request, error: Exception) -> Response:
    """What the toolkit refuses, in words; its errors hold no secret."""
    remedy = f" What to do: {error.remedy}." if isinstance(error, FapiError) else ""
    return HTMLResponse(render("problem", why=f"{error}{remedy}"), 502)


def create_app() -> Starlette:
    fintech = Fintech(World.load())
    return Starlette(
        lifespan=fintech.lifespan,
        exception_handlers={FapiError: problem},
        routes=[
            Route("/", fintech.home),
            Route("/login", fintech.login, methods=["POST"]),
            Route("/callback", fintech.callback),
            Route("/accounts", fintech.accounts),
            Route("/pay", fintech.pay, methods=["POST"]),
            Route("/revoke", fintech.revoke, methods=["POST"]),
            Route("/events", fintech.events),
        ],
    )
