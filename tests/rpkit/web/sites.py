"""The same little fintech in Starlette and in Flask, and a browser that keeps its cookies."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

import flask
import httpx
import starlette.applications
from starlette.responses import PlainTextResponse

import rpkit.flask
import rpkit.starlette
from fapikit import KeyRing
from fapikit.stores.sealed import Seal
from rpkit import AsyncClient, Client, ClientKeys
from tests.keys import a_key
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank

SITE = "https://fintech.example"
OWN_PAGE = {"sec-fetch-site": "same-origin"}


@dataclass
class Page:
    status: int
    headers: httpx.Headers
    text: str


class Browser:
    """Sends what a browser would; `cookies` is its jar."""

    def __init__(self, send: Any) -> None:
        self.send = send
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []

    def open(self, method: str, url: str, body: bytes = b"", **headers: str) -> Page:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            named["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body:
            named["content-type"] = "application/x-www-form-urlencoded"
        status, raw, text = self.send(method, url.removeprefix(SITE), named, body)
        page = Page(status, httpx.Headers(raw), text)
        self.set_cookies = page.headers.get_list("set-cookie")
        for line in self.set_cookies:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return page

    def post(self, url: str, body: bytes = b"", **headers: str) -> Page:
        return self.open("POST", url, body, **{**OWN_PAGE, **headers})


@dataclass
class Site:
    """`logins` are those that came through."""

    bank: FakeBank
    keys: ClientKeys
    logins: list[Any] = field(default_factory=list)

    def options(self) -> dict[str, Any]:
        return {
            "client_id": CLIENT_ID,
            "auth": self.keys.auth,
            "redirect_uri": REDIRECT_URI,
            "http": self.bank.http(),
            "clock": self.bank.clock,
        }


def starlette_site(
    bank: FakeBank, pages: dict[str, Any] | None = None, **client_options: Any
) -> tuple[Site, Browser]:
    site = Site(bank, ClientKeys(KeyRing(a_key("ES256", 1), next=a_key("ES256", 2))))

    async def connect() -> AsyncClient:
        return await AsyncClient.discover(bank.issuer, **{**site.options(), **client_options})

    async def welcome(_request: Any, login: Any) -> PlainTextResponse:
        site.logins.append(login)
        return PlainTextResponse("welcome")

    sign_in = rpkit.starlette.SignIn(
        connect,
        redirect_uri=REDIRECT_URI,
        seal=Seal([b"k" * 32]),
        on_login=welcome,
        keys=site.keys,
        scope="openid accounts",
        **(pages or {}),
    )
    app = starlette.applications.Starlette(routes=sign_in.routes())

    def send(method: str, url: str, headers: dict[str, str], body: bytes) -> Any:
        async def call() -> Any:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url=SITE) as http:
                answer = await http.request(method, url, headers=headers, content=body)
                return answer.status_code, answer.headers.multi_items(), answer.text

        return asyncio.run(call())

    return site, Browser(send)


def flask_site(
    bank: FakeBank, pages: dict[str, Any] | None = None, **client_options: Any
) -> tuple[Site, Browser]:
    site = Site(bank, ClientKeys(KeyRing(a_key("ES256", 1), next=a_key("ES256", 2))))

    def welcome(login: Any) -> str:
        site.logins.append(login)
        return "welcome"

    sign_in = rpkit.flask.SignIn(
        lambda: Client.discover(bank.issuer, **{**site.options(), **client_options}),
        redirect_uri=REDIRECT_URI,
        seal=Seal([b"k" * 32]),
        on_login=welcome,
        keys=site.keys,
        scope="openid accounts",
        **(pages or {}),
    )
    app = flask.Flask(__name__)
    app.register_blueprint(sign_in.blueprint())

    def send(method: str, url: str, headers: dict[str, str], body: bytes) -> Any:
        client = app.test_client(use_cookies=False)
        answer = client.open(url, method=method, headers=headers, data=body, base_url=SITE)
        return answer.status_code, list(answer.headers.items()), answer.get_data(as_text=True)

    return site, Browser(send)


SITES = {"starlette": starlette_site, "flask": flask_site}
