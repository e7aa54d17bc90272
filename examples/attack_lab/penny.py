"""Penny, the fintech, as a web site: the toolkit's pages for sign-in, mounted as its guide says."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from askit.attacks.visitor import Callback
from examples.attack_lab.ecosystem import Ecosystem
from examples.attack_lab.hostnames import PENNY
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.web_site import home_page
from examples.attack_lab.street import Place
from fapikit import Seal
from rpkit import AsyncClient, Login
from rpkit.starlette import OnLogin, SignIn

SESSION = "__Host-session"


def sign_in(
    world: Ecosystem, on_login: OnLogin, *, client: dict[str, Any] | None = None, **options: Any
) -> SignIn:
    """The pages of the world's fintech. `client`: further settings of the client. `options`: those of `SignIn`."""

    async def connect() -> AsyncClient:
        return await AsyncClient.discover(world.bank.issuer, **world.settings(**(client or {})))

    return SignIn(
        connect,
        redirect_uri=world.redirect_uri,
        seal=Seal([secrets.token_bytes(32)]),
        on_login=on_login,
        scope="openid accounts",
        resources=[world.accounts],
        **options,
    )


@dataclass(frozen=True)
class Penny:
    """The site, the ecosystem that it is part of, and the lab."""

    lab: Lab
    world: Ecosystem
    origin: str

    def mallorys_login(self) -> tuple[Callback, Mapping[str, str]]:
        """Mallory begins a login and stops at the last step: what brings his code back, and his browser's cookies."""
        browser = self.lab.chromium()
        browser.open(self.origin)
        browser.submit({})
        mallory = {"username": "mallory", "password": "overdrawn"}
        return self.world.bank.browse(browser.url, **mallory), browser.cookies(self.origin)


@contextmanager
def penny(lab: Lab, profile: str = "fapi2-security", **client: Any) -> Iterator[Penny]:
    """Penny's site at a bank of its own. `client`: further settings of its client.

    The site tells at `/` who is signed in.
    """
    place, users = Place(host=PENNY), dict[str, str]()

    async def home(request: Request) -> Response:
        return HTMLResponse(home_page(users.get(request.cookies.get(SESSION, ""))))

    async def on_login(_request: Request, login: Login) -> Response:
        session = secrets.token_urlsafe(16)
        users[session] = str(login.id_token and login.id_token.subject)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(SESSION, session, secure=True, httponly=True, samesite="lax")
        return answer

    with lab.fresh(profile, redirect_uri=f"{place.origin}/callback") as world:
        pages = sign_in(world, on_login, client=client)
        lab.serve(Starlette(routes=[Route("/", home), *pages.routes()]), place, closing=pages.aclose)
        yield Penny(lab, world, place.origin)
