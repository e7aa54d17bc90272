"""Signing out end to end: a site, the bank and a second site over sockets; whoever ends a session, all of them know."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import flask
import httpx
import pytest
import uvicorn
import werkzeug.serving
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse

import rpkit.flask
import rpkit.starlette
from askit import AuthorizationServer
from askit.pytest_plugin.running import RunningServer, running
from askit.pytest_plugin.visitor import visit, walk
from fapikit import PrivateKeyJWT
from fapikit.io.tls import client_context
from fapikit.stores.sealed import Seal
from rpkit import AsyncClient, Client, LoggedOut, Login
from tests.keys import a_key
from tests.rpkit.web.sites import OWN_PAGE, Browser
from tests.servers import free_port

KEY = a_key("ES256", 1)
KINDS = ("starlette", "flask")


@dataclass
class Site:
    """A fintech: `sessions` are the logins of its users, who have one browser each."""

    kind: str
    port: int
    sessions: list[Login] = field(default_factory=list)
    ended: list[LoggedOut] = field(default_factory=list)
    keeps_id_tokens: bool = True

    @property
    def origin(self) -> str:
        return f"https://{self.kind}.example"

    @property
    def registration(self) -> dict[str, Any]:
        return {
            "client_id": self.kind,
            "redirect_uris": [f"{self.origin}/callback"],
            "post_logout_redirect_uris": [f"{self.origin}/bye"],
            "backchannel_logout_uri": f"http://127.0.0.1:{self.port}/backchannel-logout",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [dict(KEY.public_jwk)]},
        }

    def options(self, bank: RunningServer[Any]) -> dict[str, Any]:
        return {
            "client_id": self.kind,
            "auth": PrivateKeyJWT(KEY),
            "redirect_uri": f"{self.origin}/callback",
            "http": bank.http(),
        }

    @property
    def pages(self) -> dict[str, Any]:
        return {
            "redirect_uri": f"{self.origin}/callback",
            "seal": Seal([b"k" * 32]),
            "signed_out_uri": f"{self.origin}/bye",
        }

    def browser(self) -> Browser:
        """Its cookies are Secure, which a jar would not send to a plain socket: this one keeps them itself."""

        def send(method: str, url: str, headers: dict[str, str], body: bytes) -> Any:
            url = f"http://127.0.0.1:{self.port}{url}"
            answer = httpx.request(method, url, headers=headers, content=body, trust_env=False)
            return answer.status_code, answer.headers.multi_items(), answer.text

        return Browser(send)

    # What the application does.

    def welcome(self, login: Login) -> str:
        self.sessions.append(login)
        return "welcome"

    def hear(self, gone: LoggedOut) -> None:
        self.ended.append(gone)
        self.sessions = [login for login in self.sessions if login.id_token.claims["sid"] != gone.session_id]

    def leave(self) -> Any:
        login = self.sessions.pop()
        return login.id_token if self.keeps_id_tokens else None


def starlette_app(site: Site, bank: RunningServer[Any]) -> Starlette:
    async def welcome(_: Any, login: Login) -> PlainTextResponse:
        return PlainTextResponse(site.welcome(login))

    sign_in = rpkit.starlette.SignIn(
        lambda: AsyncClient.discover(bank.issuer, **site.options(bank)),
        on_login=welcome,
        on_logout=lambda _, gone: site.hear(gone),
        on_sign_out=lambda _: site.leave(),
        **site.pages,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await (await sign_in.client()).aclose()

    return Starlette(routes=sign_in.routes(), lifespan=lifespan)


def flask_pages(site: Site, bank: RunningServer[Any]) -> rpkit.flask.SignIn:
    return rpkit.flask.SignIn(
        lambda: Client.discover(bank.issuer, **site.options(bank)),
        on_login=site.welcome,
        on_logout=site.hear,
        on_sign_out=site.leave,
        **site.pages,
    )


@contextmanager
def served(site: Site, bank: RunningServer[Any]) -> Iterator[None]:
    if site.kind == "flask":
        pages, app = flask_pages(site, bank), flask.Flask(site.kind)
        app.register_blueprint(pages.blueprint())
        server: Any = werkzeug.serving.make_server("127.0.0.1", site.port, app)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield
        server.shutdown()
        server.server_close()
        pages.client().close()
    else:
        ready = threading.Event()
        server = uvicorn.Server(uvicorn.Config(starlette_app(site, bank), port=site.port, log_config=None))
        started = server.startup

        async def startup(*arguments: Any, **more: Any) -> None:
            await started(*arguments, **more)
            ready.set()

        server.startup = startup
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
        thread.start()
        assert ready.wait(10)
        yield
        server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[RunningServer[AuthorizationServer], dict[str, Site]]]:
    sites = {kind: Site(kind, free_port()) for kind in KINDS}
    settings = {"clients": [site.registration for site in sites.values()]}
    with (
        running(settings, kind=AuthorizationServer) as bank,
        served(sites["starlette"], bank),
        served(sites["flask"], bank),
    ):
        yield bank, sites


class Person:
    """One user with one browser, at the bank and at both sites."""

    def __init__(self, bank: RunningServer[Any], sites: dict[str, Site]) -> None:
        self.issuer = bank.issuer
        self.at_bank = httpx.Client(verify=client_context(ca=bank.ca), trust_env=False)
        self.at = {kind: site.browser() for kind, site in sites.items()}

    def go(self, url: str) -> str:
        """Through the bank's pages; where they lead out to."""
        steps = walk(url, issuer=self.issuer, username="alice", password="wonderland", decision="approve")
        out = visit(self.at_bank, steps)
        assert isinstance(out, str)
        return out

    def sign_in(self, site: Site) -> None:
        start = self.at[site.kind].post("/login")
        callback = urlsplit(self.go(start.headers["location"]))
        assert self.at[site.kind].open("GET", f"{callback.path}?{callback.query}").text == "welcome"

    @property
    def known_at_the_bank(self) -> bool:
        return "What you granted" in self.at_bank.get(f"{self.issuer}/grants").text


@pytest.fixture
def person(world: Any) -> Iterator[Person]:
    bank, sites = world
    for site in sites.values():
        site.sessions, site.ended, site.keeps_id_tokens = [], [], True
    person = Person(bank, sites)
    for site in sites.values():
        person.sign_in(site)
    assert person.known_at_the_bank
    yield person
    person.at_bank.close()


@pytest.mark.spec("OIDC RP-Initiated Logout 2; OIDC Back-Channel Logout 2.5; FAPI2-SP 5.3.3.1-12")
@pytest.mark.parametrize("keeps_id_tokens", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_user_who_signs_out_at_one_site_is_signed_out_everywhere(
    world: Any, person: Person, kind: str, keeps_id_tokens: bool
) -> None:
    _, sites = world
    here, there = sites[kind], sites[KINDS[1 - KINDS.index(kind)]]
    here.keeps_id_tokens = keeps_id_tokens
    start = person.at[kind].post("/sign-out")
    assert (start.status, start.headers["cache-control"]) == (303, "no-store")
    assert ("id_token_hint=" in start.headers["location"]) == keeps_id_tokens
    assert here.sessions == [], "ended before the browser leaves: it may not come back"
    out = person.go(start.headers["location"])
    assert out.startswith(f"{here.origin}/bye?state=")
    assert not person.known_at_the_bank
    assert there.sessions == []
    assert [gone.subject for gone in there.ended] == [gone.subject for gone in here.ended] == ["alice"]


def test_a_user_who_signs_out_at_the_bank_is_signed_out_at_every_site(world: Any, person: Person) -> None:
    bank, sites = world
    other = Person(bank, sites)
    other.sign_in(sites["flask"])
    page = person.at_bank.get(f"{bank.issuer}/end_session")
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    form = {"content-type": "application/x-www-form-urlencoded"}
    person.at_bank.post(f"{bank.issuer}/logout", content=f"csrf={csrf}", headers=form)
    assert not person.known_at_the_bank
    assert [len(sites[kind].sessions) for kind in KINDS] == [0, 1], "another browser's session goes on"
    assert other.known_at_the_bank
    other.at_bank.close()


@pytest.mark.spec("FAPI2-SP 5.3.3.1-12")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("site_of_page", ["cross-site", "same-site"])
def test_no_other_site_signs_a_user_out(world: Any, person: Person, kind: str, site_of_page: str) -> None:
    _, sites = world
    browser = person.at[kind]
    refused = browser.open("POST", "/sign-out", **{**OWN_PAGE, "sec-fetch-site": site_of_page})
    assert (refused.status, "location" in refused.headers) == (403, False)
    assert browser.open("GET", "/sign-out").status == 405
    assert len(sites[kind].sessions) == 1
