"""What the fintech's web apps share: the sign-in at each bank, one session for each browser, and pages for what fails.

`rpkit.Registry` has the banks, each with its own redirect URI. `rpkit.starlette` mounts sign-in and callback of each,
and the key set. The browser has a random session id and, while it is at a bank, the sealed login of each tab.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from examples.demo.banks import Bank
from examples.demo.client import authentication, certificate_of, keys_of, options
from examples.demo.pages import STYLE, answer
from examples.demo.trace import Recorder
from examples.demo.world import World
from fapikit import FapiError
from fapikit.parameters import Parameters, parse_parameters
from fapikit.stores.sealed import Seal
from rpkit import AsyncClient, Login, RegisteredBank, Registry, TokenSet
from rpkit.starlette import SignIn

COOKIE = "__Host-penny"


@dataclass
class Session:
    """The fintech's data about one browser. `logins`: the last one at each bank, by its name."""

    csrf: str
    logins: dict[str, Login] = field(default_factory=dict)

    @property
    def name(self) -> str:
        subjects = (login.id_token.subject for login in self.logins.values() if login.id_token)
        return next(subjects, "customer")


SessionT = TypeVar("SessionT", bound=Session)


class WrongInput(Exception):
    """The customer filled in something that cannot be used. The message is for the customer."""


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
        self.banks = {bank.name: bank for bank in world.banks}
        self.registry = Registry({name: self._registered(bank) for name, bank in self.banks.items()})
        seal = Seal([secrets.token_bytes(32)])
        self.sign_ins = {
            name: SignIn(
                partial(self.registry.async_client, name),
                redirect_uri=world.redirect_uri_of(bank),
                login_path=f"/login/{name}",
                seal=seal,
                begin=partial(self.begin, bank),
                on_login=partial(self.signed_in, bank),
                on_error=problem,
                keys=self.keys if bank is world.banks[0] else None,  # one key set for all banks
            )
            for name, bank in self.banks.items()
        }

    def _registered(self, bank: Bank) -> RegisteredBank:
        return RegisteredBank(
            issuer=self.world.issuer_of(bank),
            client_id=bank.client_id,
            auth=authentication(self.world, self.keys),
            redirect_uri=self.world.redirect_uri_of(bank),
            profile=self.world.profile,
            http=self.recorder.settings(certificate_of(self.world)),
            options=options(self.world, self.keys),
        )

    def routes(self) -> list[Route]:
        raise NotImplementedError

    async def begin(self, bank: Bank, request: Request) -> dict[str, Any]:
        """The parameters of the authorization request, from the form that the customer sent."""
        raise NotImplementedError

    def app(self) -> Starlette:
        sign_ins = [route for sign_in in self.sign_ins.values() for route in sign_in.routes()]
        return Starlette(
            lifespan=self.lifespan,
            exception_handlers={FapiError: problem, PermissionError: foreign_form, WrongInput: wrong_input},
            routes=[*sign_ins, *self.routes(), Route("/events", self.events), STYLE],
        )

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Discover the banks before the first customer comes."""
        for name in self.banks:
            await self.client(name)
        yield

    async def client(self, name: str) -> AsyncClient:
        """The client of one bank."""
        return await self.sign_ins[name].client()

    async def signed_in(self, bank: Bank, request: Request, login: Login) -> Response:
        """The browser is back from the bank, and every check passed."""
        _, session = self.session_of(request)
        session.logins[bank.name] = login
        return RedirectResponse("/", 303)

    async def events(self, request: Request) -> Response:
        """Who signed in at which bank, and every check that was made, with its clause."""
        _, session = self.session_of(request)
        if not session.logins:
            return RedirectResponse("/", 303)
        told = [
            (self.banks[name], login, await (await self.client(name)).userinfo(login))
            for name, login in session.logins.items()
        ]
        return self.page(request, "events", told=told)

    async def api(self, bank: Bank, tokens: TokenSet, resource: str) -> Any:
        client = await self.client(bank.name)
        return client.api(tokens, base_url=resource, resource=resource)

    def page(self, request: Request, name: str, **values: Any) -> Response:
        """A page for this browser's session. A new browser gets its session here."""
        session_id, session = self.session_of(request)
        response = answer(
            name,
            leads_to=[self.world.issuer_of(bank) for bank in self.banks.values()],
            session=session,
            links=self.links,
            banks=list(self.banks.values()),
            **values,
        )
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
    return answer("problem", 502, why=f"{error}{remedy}")


async def foreign_form(_request: Request, error: Exception) -> Response:
    return answer("problem", 403, why=str(error))


async def wrong_input(_request: Request, error: Exception) -> Response:
    return answer("problem", 400, why=str(error))
