"""The README's examples, run as they stand, against the running bank."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import certifi
import flask
import httpx
import pytest
import starlette.applications
import starlette.responses
import starlette.routing

from examples.demo.bank import PASSWORD, USERNAME
from examples.demo.browser import Browser
from examples.demo.world import CLIENT_ID, PAYMENTS_API_ID, World
from fapikit import PrivateKeyJWT
from rpkit import Start
from rskit import ResourceServer
from tests.e2e.honest_customer import HonestCustomer
from tests.pages.blocks import read_page

README = read_page("README.md")
TITLES = re.findall(r"^## ([^\n]+)\n+```python", README.text, re.MULTILINE)
EXAMPLES = dict(zip(TITLES, README.in_language("python"), strict=True))


class InProcess(httpx.BaseTransport):
    """An ASGI app behind a sync client, on one event loop."""

    def __init__(self, app: Any, resource_server: ResourceServer) -> None:
        self._transport = httpx.ASGITransport(app=app)
        self._resource_server = resource_server
        self._runner = asyncio.Runner()

    def close(self) -> None:
        self._runner.run(self._resource_server.aclose())
        self._runner.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def call() -> httpx.Response:
            response = await self._transport.handle_async_request(request)
            await response.aread()
            return httpx.Response(response.status_code, headers=response.headers, content=response.content)

        return self._runner.run(call())


@pytest.fixture(autouse=True)
def _machine_trusts_the_ca(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples name no CA: they trust the system's roots, here the demo's."""
    monkeypatch.setattr(certifi, "where", lambda: str(world.path("ca.pem")))


def test_there_are_three_of_about_ten_lines() -> None:
    assert list(EXAMPLES) == ["Call a bank's API", "Protect a Starlette app", "Protect a Flask app"]
    assert max(len(code.splitlines()) for code in EXAMPLES.values()) <= 14


def test_call_a_banks_api(world: World) -> None:
    names: dict[str, Any] = {
        "ISSUER": world.bank,
        "CALLBACK": world.redirect_uri,
        "API": world.accounts_resource,
        "key": world.key_of(CLIENT_ID),
    }
    before, after = EXAMPLES["Call a bank's API"].split("# redirect the browser")
    exec(before, names)
    names["callback_url"] = _sign_in(world, names["start"])
    with names["bank"]:
        exec("# redirect the browser" + after, names)
    assert names["accounts"]["accounts"][0]["iban"] == "DE89370400440532013000"
    assert names["login"].report.checks


def test_protect_a_starlette_app(world: World, customer: HonestCustomer) -> None:
    names: dict[str, Any] = {
        "ISSUER": world.bank,
        "RESOURCE": world.accounts_resource,
        "JSONResponse": starlette.responses.JSONResponse,
        "Starlette": starlette.applications.Starlette,
        "Route": starlette.routing.Route,
    }
    exec(EXAMPLES["Protect a Starlette app"], names)
    answer = _call(customer, InProcess(names["app"], names["api"]), world.accounts_resource)
    assert answer.json() == {"accounts_of": USERNAME}


def test_protect_a_flask_app(world: World, customer: HonestCustomer) -> None:
    names: dict[str, Any] = {
        "ISSUER": world.bank,
        "RESOURCE": world.payments_resource,
        "PrivateKeyJWT": PrivateKeyJWT,
        "key": world.key_of(PAYMENTS_API_ID),
        "app": flask.Flask("readme"),
    }
    exec(EXAMPLES["Protect a Flask app"], names)
    transport = httpx.WSGITransport(app=names["app"])
    assert _call(customer, transport, world.payments_resource).json() == {"payments_of": USERNAME}
    names["api"].close()


def _sign_in(world: World, start: Start) -> str:
    browser = Browser(world)
    page = browser.open(start.url)
    if "username" in page.forms[0].fields:
        browser.submit({"username": USERNAME, "password": PASSWORD})
    browser.submit(press="approve", stop_at=world.redirect_uri)
    browser.close()
    return browser.url


def _call(customer: HonestCustomer, transport: httpx.BaseTransport, url: str) -> httpx.Response:
    """A refused call without a token, then a good one."""
    token = customer.access_token(url)
    bank, customer.http = customer.http, httpx.Client(transport=transport)
    try:
        with customer.http:
            assert customer.http.get(url).status_code == 401
            answer = customer.call("GET", url, token)
    finally:
        customer.http = bank
    assert answer.status_code == 200, answer.headers
    return answer
