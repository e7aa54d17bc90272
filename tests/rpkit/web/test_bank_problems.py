"""Where a bank cannot be asked in a user's name: a page or an answer, the same in Starlette, FastAPI and Flask."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import fastapi
import flask
import httpx
import pytest
import starlette.applications
from starlette.routing import Route

import rpkit.flask
import rpkit.starlette
from fapikit.errors import (
    ForbiddenByProfile,
    InsecureUrl,
    PeerRefused,
    SealBroken,
    StoreUnavailable,
    Unreachable,
)
from fapikit.stores.sealed import Seal
from rpkit import AsyncClient, Client
from rpkit.errors import GrantEnded, NoAccessToken, ServerBusy, StepUpRequired
from tests.keys import a_key
from tests.mothers.clients import CLIENT_KEY
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank
from tests.rpkit.web.sites import SITE, Browser

PAGE = {"accept": "text/html,application/xhtml+xml;q=0.9"}
Make = Callable[[FakeBank, Exception], Browser]
OPTIONS = {"redirect_uri": REDIRECT_URI, "seal": Seal([b"k" * 32]), "scope": "openid accounts"}


class Own(Exception):
    """An application's own exception, of which it says that it means an API out of reach."""


def client_options(bank: FakeBank) -> dict[str, Any]:
    from fapikit import PrivateKeyJWT

    return {
        "client_id": CLIENT_ID,
        "auth": PrivateKeyJWT(a_key(*CLIENT_KEY)),
        "redirect_uri": REDIRECT_URI,
        "http": bank.http(),
        "clock": bank.clock,
    }


def asgi_browser(app: Any) -> Browser:
    def send(method: str, url: str, headers: dict[str, str], body: bytes) -> Any:
        async def call() -> Any:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=SITE) as http:
                answer = await http.request(method, url, headers=headers, content=body)
                return answer.status_code, answer.headers.multi_items(), answer.text

        return asyncio.run(call())

    return Browser(send)


def pages_of(bank: FakeBank) -> rpkit.starlette.SignIn:
    async def connect() -> AsyncClient:
        return await AsyncClient.discover(bank.issuer, **client_options(bank))

    return rpkit.starlette.SignIn(
        connect, on_login=lambda *_: starlette.responses.Response("welcome"), **OPTIONS
    )


def starlette_app(bank: FakeBank, error: Exception) -> Browser:
    async def accounts(_request: Any) -> Any:
        raise error

    pages = pages_of(bank)
    routes = [Route("/accounts", accounts, methods=["GET", "POST"]), *pages.routes()]
    return asgi_browser(
        starlette.applications.Starlette(routes=routes, exception_handlers=pages.exception_handlers(Own))
    )


def fastapi_app(bank: FakeBank, error: Exception) -> Browser:
    pages = pages_of(bank)
    app = fastapi.FastAPI(exception_handlers=pages.exception_handlers(Own), routes=pages.routes())

    def call_the_bank() -> None:  # raised in a dependency, where the framework has its own handling
        raise error

    @app.api_route("/accounts", methods=["GET", "POST"], dependencies=[fastapi.Depends(call_the_bank)])
    def accounts() -> None: ...

    return asgi_browser(app)


def flask_app(bank: FakeBank, error: Exception) -> Browser:
    pages = rpkit.flask.SignIn(
        lambda: Client.discover(bank.issuer, **client_options(bank)), on_login=lambda _: "welcome", **OPTIONS
    )
    app = flask.Flask(__name__)
    app.register_blueprint(pages.blueprint())
    pages.register_error_handlers(app, Own)

    @app.route("/accounts", methods=["GET", "POST"])
    def accounts() -> Any:
        raise error

    def send(method: str, url: str, headers: dict[str, str], body: bytes) -> Any:
        client = app.test_client(use_cookies=False)
        answer = client.open(url, method=method, headers=headers, data=body, base_url=SITE)
        return answer.status_code, list(answer.headers.items()), answer.get_data(as_text=True)

    return Browser(send)


APPS: dict[str, Make] = {"starlette": starlette_app, "fastapi": fastapi_app, "flask": flask_app}
SECRET = "https://bank.example/token refused: invalid_grant"


def step_up(acr_values: tuple[str, ...] = (), max_age: int | None = None) -> StepUpRequired:
    return StepUpRequired("stronger", acr_values=acr_values, max_age=max_age, scope=None)


# What was raised; the status, the code, what JSON has beside it, and where the page's button leads.
PROBLEMS: dict[str, tuple[Exception, int, str, dict[str, Any], str | None]] = {
    "an ended grant": (GrantEnded(SECRET), 403, "sign_in_again", {"login": "/login"}, "/login"),
    "no token": (NoAccessToken(SECRET), 403, "sign_in_again", {"login": "/login"}, "/login"),
    "a seal that is gone": (SealBroken(SECRET), 403, "sign_in_again", {"login": "/login"}, "/login"),
    "a stronger login": (
        step_up(("phr", "phrh"), 60),
        403,
        "step_up_required",
        {
            "login": "/login?acr_values=phr+phrh&max_age=60",
            "acr_values": ["phr", "phrh"],
            "max_age": 60,
        },
        "/login?acr_values=phr+phrh&amp;max_age=60",
    ),
    "a stronger login, not told which": (
        step_up(),
        403,
        "step_up_required",
        {"login": "/login"},
        "/login",
    ),
    "a level with an odd name": (
        step_up(('"><script>',)),
        403,
        "step_up_required",
        {"login": "/login?acr_values=%22%3E%3Cscript%3E", "acr_values": ['"><script>']},
        "/login?acr_values=%22%3E%3Cscript%3E",
    ),
    "a bank that is out of reach": (Unreachable(SECRET), 503, "temporarily_unavailable", {}, None),
    "a bank that is busy": (
        ServerBusy(SECRET, status=429, retry_after=29.5),
        503,
        "temporarily_unavailable",
        {},
        None,
    ),
    "a store that is down": (StoreUnavailable(SECRET), 503, "temporarily_unavailable", {}, None),
    "an exception of the application's": (Own(SECRET), 503, "temporarily_unavailable", {}, None),
}


@pytest.mark.parametrize("what", PROBLEMS)
@pytest.mark.parametrize("framework", APPS)
def test_a_browser_gets_a_page_and_anything_else_json(framework: str, what: str, bank: FakeBank) -> None:
    error, status, code, members, action = PROBLEMS[what]
    browser = APPS[framework](bank, error)
    page = browser.open("GET", "/accounts", **PAGE)
    assert page.status == status
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    found = re.search(r'<form method="post" action="([^"]*)">', page.text)
    assert (found[1] if found else None) == action
    assert ("later" in page.text) is (status == 503)
    data = browser.open("POST", "/accounts", accept="application/json")
    assert data.status == status
    assert data.headers["content-type"] == "application/json"
    assert json.loads(data.text) == {"error": code, **members}
    for answer in (page, data):
        assert "bank.example" not in answer.text, "neither says more than the user needs"
        assert answer.headers.get("retry-after") == ("30" if "busy" in what else None)


FAULTS: dict[str, Exception] = {
    "a setting": ForbiddenByProfile("no"),
    "an address in clear text": InsecureUrl("no"),
    "a refusal that a user cannot mend": PeerRefused("no", peer_code="invalid_client", status=401),
}


@pytest.mark.parametrize("what", FAULTS)
@pytest.mark.parametrize("framework", APPS)
def test_what_no_user_can_mend_stays_a_fault(framework: str, what: str, bank: FakeBank) -> None:
    page = APPS[framework](bank, FAULTS[what]).open("GET", "/accounts", **PAGE)
    assert page.status == 500
    assert "Sign in" not in page.text


@pytest.mark.spec("RFC 9470 5")
@pytest.mark.parametrize("framework", APPS)
def test_the_button_begins_the_login_that_the_api_wants(framework: str, bank: FakeBank) -> None:
    browser = APPS[framework](bank, step_up(("phr", "phrh"), 60))
    page = browser.open("GET", "/accounts", **PAGE)
    (action,) = re.findall(r'action="([^"]*)"', page.text)
    assert browser.post(action.replace("&amp;", "&")).status == 303
    sent = bank.calls("par")[-1].form
    assert (sent["acr_values"], sent["max_age"]) == ("phr phrh", "60")
    assert browser.post("/login").status == 303
    assert "acr_values" not in bank.calls("par")[-1].form


WISHES: dict[str, dict[str, str]] = {
    "levels of an absurd length": {"acr_values": "x" * 501},
    "an age that is none": {"max_age": "soon"},
    "an age below zero": {"max_age": "-1"},
    "an age of an absurd length": {"max_age": "9" * 10},
    "what no page of ours carries": {"scope": "payments", "resource": "https://evil.example"},
}


@pytest.mark.parametrize("what", WISHES)
@pytest.mark.parametrize("framework", APPS)
def test_a_login_takes_nothing_else_from_its_address(framework: str, what: str, bank: FakeBank) -> None:
    browser = APPS[framework](bank, step_up())
    assert browser.post(f"/login?{urlencode(WISHES[what])}").status == 303
    sent = bank.calls("par")[-1].form
    assert not {"acr_values", "max_age", "resource"} & sent.keys()
    assert sent["scope"] == "openid accounts"


@pytest.mark.parametrize("framework", APPS)
def test_the_log_has_what_the_page_keeps_to_itself(
    framework: str, bank: FakeBank, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "rpkit.web.sign_in"):
        APPS[framework](bank, GrantEnded(SECRET)).open("GET", "/accounts", **PAGE)
        APPS[framework](bank, Own("a secret of another library's")).open("GET", "/accounts", **PAGE)
    ended, own = [record.message for record in caplog.records if record.name == "rpkit.web.sign_in"]
    assert SECRET in ended
    assert "GrantEnded" in ended
    assert own == "a call to the bank failed: Own"


@pytest.mark.parametrize("framework", APPS)
def test_a_real_grant_that_ended_leads_back_to_the_bank(framework: str, bank: FakeBank) -> None:
    """From the API's refusal to the page, through everything between."""
    client = Client.discover(bank.issuer, **client_options(bank))
    start = client.begin(scope="openid accounts")
    tokens = client.complete(bank.authorize(start.url), start.transaction).tokens
    client.revoke(tokens)
    api = client.api(tokens, base_url="https://bank.example", transport=bank.transport())
    with api, pytest.raises(GrantEnded) as ended:
        api.get("/accounts")
    browser = APPS[framework](bank, ended.value)
    assert "Sign in" in browser.open("GET", "/accounts", **PAGE).text
