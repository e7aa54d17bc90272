"""A token is revoked at askit between two calls. The API refuses the second one, and never asks about a token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import httpx
import pytest

import asgi_mw
from askit import AuthorizationServer
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import RESOURCE, RunningServer, running
from fapikit import PrivateKeyJWT
from fapikit.errors import StoreUnavailable
from rpkit import Client, TokenSet
from rskit import Issuer, ResourceServer, StatusLists
from tests.keys import claims_of
from tests.rskit.skins import SKINS, starlette_app

TTL = 30
SETTINGS: Mapping[str, Any] = {"profile": "oauth-2.1", "status_list_ttl": TTL}
Bank = RunningServer[AuthorizationServer]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def bank(askit_hosts: Hosts, clock: MovableClock) -> Iterator[Bank]:
    with running(SETTINGS, clock=clock, kind=AuthorizationServer, hosts=askit_hosts) as server:
        yield server


@pytest.fixture
def client(bank: Bank) -> Iterator[Client]:
    with Client.discover(
        bank.issuer,
        client_id=bank.client_id,
        auth=PrivateKeyJWT(bank.client_key),
        redirect_uri=bank.redirect_uri,
        profile="oauth-2.1",
        sender_constraint=None,
        http=bank.http(),
    ) as client:
        yield client


@pytest.fixture
def server(bank: Bank, clock: MovableClock) -> Iterator[ResourceServer]:
    issuer = Issuer(bank.issuer, status_lists=StatusLists())
    with closing(ResourceServer(resource=RESOURCE, issuers=[issuer], http=bank.http(), clock=clock)) as made:
        yield made


Status = Callable[[TokenSet], int]


@pytest.fixture(params=["asgi", "wsgi"])
def status(request: pytest.FixtureRequest, server: ResourceServer) -> Iterator[Status]:
    """The status of a call with a token, through either middleware."""
    if request.param == "wsgi":
        call = SKINS["wsgi"](server, {"/accounts": {}})
        yield lambda tokens: int(call("GET", "/accounts", [bearer(tokens)]).status)
        return
    app = asgi_mw.Protect(starlette_app({"/accounts": {}}), server)
    transport = httpx.ASGITransport(app=app)

    async def get(tokens: TokenSet) -> int:
        async with httpx.AsyncClient(transport=transport, base_url="https://api.example.test") as caller:
            return (await caller.get("/accounts", headers=[bearer(tokens)])).status_code

    with asyncio.Runner() as runner:  # one loop, as in a server: what is fetched there stays there
        yield lambda tokens: runner.run(get(tokens))
        runner.run(server.aclose())


def bearer(tokens: TokenSet) -> tuple[str, str]:
    return "authorization", f"Bearer {text_of(tokens)}"


def signed_in(bank: Bank, client: Client) -> TokenSet:
    tokens: TokenSet = bank.signed_in(
        client, scope="openid accounts", resources=[RESOURCE], resource=RESOURCE
    ).tokens
    return tokens


def text_of(tokens: TokenSet) -> str:
    return str(tokens.access_token_for(RESOURCE).reveal())


@pytest.mark.spec("FAPI2-SP 5.3.4-3", "TSL 8.3")
def test_an_entry_flips_between_two_calls(bank: Bank, client: Client, status: Status, clock: MovableClock):
    ended, other = signed_in(bank, client), signed_in(bank, client)
    assert (status(ended), status(other)) == (200, 200)
    client.revoke(ended)  # its refresh token too, so the grant
    clock.advance(TTL + 4)
    assert (status(ended), status(other)) == (401, 200)


def test_status_lists_that_do_not_come_are_our_outage(
    bank: Bank, client: Client, status: Status, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
):
    tokens = signed_in(bank, client)
    assert status(tokens) == 200
    clock.advance(TTL + 1)

    async def down(*_: object) -> str:
        raise StoreUnavailable("the store of the bank is down")

    with monkeypatch.context() as broken:
        broken.setattr("askit.endpoints.status_lists.signed_list", down)
        assert status(tokens) == 503
    clock.advance(6)
    assert status(tokens) == 200


@pytest.mark.spec("TSL 9.1", "TSL 9.3")
def test_everybody_can_find_and_read_the_lists(bank: Bank, client: Client):
    uri = claims_of(text_of(signed_in(bank, client)))["status"]["status_list"]["uri"]
    with httpx.Client(verify=bank.http().tls) as anybody:
        metadata = anybody.get(f"{bank.issuer}/.well-known/oauth-authorization-server").json()
        lists = anybody.get(metadata["status_list_aggregation_endpoint"]).json()["status_lists"]
        assert lists == [uri]
        found = anybody.get(uri)
    assert found.headers["content-type"] == "application/statuslist+jwt"
    assert claims_of(found.text)["sub"] == uri
