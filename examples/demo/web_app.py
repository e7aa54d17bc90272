"""What the fintech's web apps share: the sign-in at the bank, one session for each browser, and pages for what fails.

`rpkit.starlette` mounts sign-in, callback and key set. The browser has a random session id and, while it is at the
bank, the sealed login of each tab.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.demo.client import authentication, certificate_of, keys_of, options
from examples.demo.pages import render
from examples.demo.trace import Recorder
from examples.demo.world import CLIENT_ID, World
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

    @property
    def name(self) -> str:
        return self.login.id_token.subject if self.login and self.login.id_token else "customer"


SessionT = TypeVar("SessionT", bound=Session)


class WebApp(Generic[SessionT]):
    """Subclasses have the pages, and say what is asked for (`begin`)."""

    session_kind: type[SessionT]
    links: tuple[tuple[str, str], ...]
    """Address and name of the pages that each page has a link to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sessions: dict[str, SessionT] = {}
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

    def routes(self) -> list[Route]:
        raise NotImplementedError

    async def begin(self, request: Request) -> dict[str, Any]:
        """The parameters of the authorization request, from the form that the customer sent."""
        raise NotImplementedError

    def app(self) -> Starlette:
        return Starlette(
            lifespan=self.lifespan,
            exception_handlers={FapiError: problem, PermissionError: foreign_form},
            routes=[*self.sign_in.routes(), *self.routes(), Route("/events", self.events)],
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

    async def signed_in(self, request: Request, login: Login) -> Response:
        """The browser is back from the bank, and every check passed. The first tokens are for the accounts API."""
        _, session = self.session_of(request)
        session.login, session.tokens = login, login.tokens
        return RedirectResponse("/", 303)

    async def events(self, request: Request) -> Response:
        """Who signed in, and every check that was made, with its clause."""
        _, session = self.session_of(request)
        if session.login is None:
            return RedirectResponse("/", 303)
        user = await (await self.sign_in.client()).userinfo(session.login)
        return self.page(request, "events", login=session.login, user=user)

    async def api(self, tokens: TokenSet, resource: str) -> Any:
        bank = await self.sign_in.client()
        return bank.api(tokens, base_url=resource, resource=resource, event_hooks=self.recorder.async_hooks())

    def page(self, request: Request, name: str, **values: Any) -> Response:
        """A page for this browser's session. A new browser gets its session here."""
        session_id, session = self.session_of(request)
        response = HTMLResponse(render(name, session=session, links=self.links, **values))
        response.set_cookie(COOKIE, session_id, secure=True, httponly=True, samesite="lax", path="/")
        return response

    def session_of(self, request: Request) -> tuple[str, SessionT]:
        session_id = request.cookies.get(COOKIE, "")
        session = self.sessions.get(session_id)
        if session is None:
            session_id = secrets.token_urlsafe(32)
            session = self.sessions[session_id] = self.session_kind(csrf=secrets.token_urlsafe(32))
        return session_id, session

    async def submitted(self, request: Request) -> tuple[SessionT, Parameters]:
        """The session and form of a POST from our own page. Raises PermissionError for a POST from another page."""
        _, session = self.session_of(request)
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
