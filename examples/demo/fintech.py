"""The fintech: a small Starlette web app. `rpkit.starlette` mounts sign-in, callback and key set; the rest is pages.

The browser has a random session id and, while it is at the bank, the sealed login of each tab.
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

from examples.demo.client import authentication, certificate_of, keys_of, options
from examples.demo.pages import render
from examples.demo.trace import Recorder
from examples.demo.world import CLIENT_ID, World, payment
from fapikit import FapiError
from fapikit.parameters import Parameters, parse_parameters
from fapikit.stores.sealed import Seal
from rpkit import AsyncClient, Login, TokenSet
from rpkit.starlette import SignIn

COOKIE = "__Host-penny"


@dataclass
class Session:
    """The fintech's data about one browser."""

    csrf: str
    login: Login | None = None
    tokens: TokenSet | None = None
    wanted: dict[str, Any] | None = None
    idempotency_key: str = ""

    @property
    def name(self) -> str:
        return self.login.id_token.subject if self.login and self.login.id_token else "customer"


class Fintech:
    def __init__(self, world: World) -> None:
        self.world = world
        self.sessions: dict[str, Session] = {}
        self.recorder = Recorder(world, "fintech")
        self.keys = keys_of(world)
        self.sign_in = SignIn(
            self.connect,
            redirect_uri=world.redirect_uri,
            seal=Seal([secrets.token_bytes(32)]),
            keys=self.keys,
            begin=self.begin,
            on_login=self.signed_in,
            on_error=problem,
            resource=world.accounts_resource,
        )

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Discover the bank before the first customer comes."""
        await self.sign_in.client()
        yield

    async def connect(self) -> AsyncClient:
        """A client for the bank. Its metadata is discovered once."""
        return await AsyncClient.discover(
            self.world.bank,
            client_id=CLIENT_ID,
            auth=authentication(self.world, self.keys),
            redirect_uri=self.world.redirect_uri,
            profile=self.world.profile,
            http=self.recorder.settings(certificate_of(self.world)),
            **options(self.world, self.keys),
        )

    async def home(self, request: Request) -> Response:
        session_id, session = self._session(request)
        response = HTMLResponse(render("home", session=session, payment=payment()))
        response.set_cookie(COOKIE, session_id, secure=True, httponly=True, samesite="lax", path="/")
        return response

    async def begin(self, request: Request) -> dict[str, Any]:
        """The parameters of the authorization request: one payment, and two APIs."""
        session, form = await self._submitted(request)
        session.wanted = payment(form["amount"], form["payee"])
        return {
            "scope": "openid profile accounts payments",
            "resources": [self.world.accounts_resource, self.world.payments_resource],
            "authorization_details": [session.wanted],
        }

    async def signed_in(self, request: Request, login: Login) -> Response:
        """The browser is back from the bank, and every check passed. The first tokens are for the accounts API."""
        _, session = self._session(request)
        session.login, session.tokens = login, login.tokens
        session.idempotency_key = str(uuid.uuid4())
        return RedirectResponse("/", 303)

    async def accounts(self, request: Request) -> Response:
        _, session = self._session(request)
        if session.tokens is None:
            return RedirectResponse("/", 303)
        async with await self._api(session.tokens, self.world.accounts_resource) as api:
            answer = await api.get(self.world.accounts_resource)
        return HTMLResponse(render("accounts", session=session, accounts=answer.json()["accounts"]))

    async def pay(self, request: Request) -> Response:
        """Fetch the payment token by a refresh if it is not there yet, then pay."""
        session, _ = await self._submitted(request)
        if session.tokens is None or session.wanted is None:
            return RedirectResponse("/", 303)
        bank = await self.sign_in.client()
        if not session.tokens.has(self.world.payments_resource):
            session.tokens = await bank.refresh(session.tokens, resource=self.world.payments_resource)
        async with await self._api(session.tokens, self.world.payments_resource) as api:
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
            await (await self.sign_in.client()).revoke(session.tokens)
        return HTMLResponse(render("revoked", session=session))

    async def events(self, request: Request) -> Response:
        """Who signed in, and every check that was made, with its clause."""
        _, session = self._session(request)
        if session.login is None:
            return RedirectResponse("/", 303)
        user = await (await self.sign_in.client()).userinfo(session.login)
        return HTMLResponse(render("events", login=session.login, user=user))

    async def _api(self, tokens: TokenSet, resource: str) -> Any:
        bank = await self.sign_in.client()
        return bank.api(tokens, base_url=resource, resource=resource, event_hooks=self.recorder.async_hooks())

    def _session(self, request: Request) -> tuple[str, Session]:
        session_id = request.cookies.get(COOKIE, "")
        session = self.sessions.get(session_id)
        if session is None:
            session_id = secrets.token_urlsafe(32)
            session = self.sessions[session_id] = Session(csrf=secrets.token_urlsafe(32))
        return session_id, session

    async def _submitted(self, request: Request) -> tuple[Session, Parameters]:
        """The session and form of a POST from our own page. Raises PermissionError for a POST from another page."""
        _, session = self._session(request)
        form = parse_parameters(await request.body())
        if not secrets.compare_digest(form.get("csrf", ""), session.csrf):
            raise PermissionError("this form was not made for this browser")
        return session, form


async def problem(_request: Request, error: Exception) -> Response:
    """A page for an error of the toolkit. Its errors contain no secret."""
    remedy = f" What to do: {error.remedy}." if isinstance(error, FapiError) else ""
    return HTMLResponse(render("problem", why=f"{error}{remedy}"), 502)


async def foreign_form(_request: Request, error: Exception) -> Response:
    return HTMLResponse(render("problem", why=str(error)), 403)


def create_app() -> Starlette:
    fintech = Fintech(World.load())
    return Starlette(
        lifespan=fintech.lifespan,
        exception_handlers={FapiError: problem, PermissionError: foreign_form},
        routes=[
            *fintech.sign_in.routes(),
            Route("/", fintech.home),
            Route("/accounts", fintech.accounts),
            Route("/pay", fintech.pay, methods=["POST"]),
            Route("/revoke", fintech.revoke, methods=["POST"]),
            Route("/events", fintech.events),
        ],
    )
