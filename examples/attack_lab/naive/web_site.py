"""The fintech as a web site in a hurry: it signs in whoever brings a code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.naive.client import NaiveClient

SESSION = "session"
STATE = "state"


def home_page(user: str | None) -> str:
    """Who is signed in, or a button that begins."""
    if user is None:
        return '<form method="post" action="/login"><button>Connect my bank</button></form>'
    return f"<h1>Welcome, {user}</h1>"


class Begun(NamedTuple):
    """A login: the URL for the browser, and the state in it."""

    url: str
    state: str


class NaiveWebSite:
    """`/` tells who is signed in, `/login` begins, `/callback` completes. An attack overrides what it needs."""

    def __init__(self, client: NaiveClient, bank: NaiveBank) -> None:
        self.client, self.bank = client, bank
        self.app = Starlette(
            routes=[
                Route("/", self.home),
                Route("/login", self.login, methods=["POST"]),
                Route("/callback", self.callback, methods=["GET", "POST"]),
            ]
        )

    def accepts(self, _request: Request, _answer: Mapping[str, str]) -> bool:
        """Whether the answer belongs to a login of this browser. The naive way: surely it does."""
        return True

    async def home(self, request: Request) -> Response:
        return HTMLResponse(home_page(request.cookies.get(SESSION)))

    def begin(self) -> Begun:
        url = self.client.begin()
        return Begun(url, parse_qs(urlsplit(url).query)["state"][0])

    async def login(self, _request: Request) -> Response:
        begun = self.begin()
        answer = RedirectResponse(begun.url, 303)
        answer.set_cookie(STATE, begun.state, secure=True, samesite="lax")
        return answer

    async def callback(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        answer = {**request.query_params, **form}
        if not self.accepts(request, answer):
            return HTMLResponse("Please sign in again", 400)
        await run_in_threadpool(self.client.redeem, answer["code"])
        return self.signed_in(self.bank.tokens[self.client.access_token]["owner"])

    def signed_in(self, user: str) -> Response:
        answer = RedirectResponse("/", 303)
        answer.set_cookie(SESSION, user, secure=True, samesite="lax")
        return answer
