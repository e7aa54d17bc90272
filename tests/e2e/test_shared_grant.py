"""One grant, several devices of one client: created, added to, replaced, and ended. All roles, over TLS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import flask
import httpx
import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import (
    API_CLIENT_ID,
    CLIENT_ID,
    RESOURCE,
    RunningServer,
    running,
)
from fapikit import PrivateKeyJWT
from fapikit.errors import ConfigurationError, PeerRefused
from rpkit import Client, Login, TokenSet
from rpkit.errors import AuthorizationRefused, GrantEnded, NoSuchGrant
from rskit import Introspection, Issuer, ResourceServer
from tests.mothers.clients import KINDS, Clients
from wsgi_mw import Protect
from wsgi_mw.flask import Access

Running = RunningServer[AuthorizationServer]
LEDGER = "https://ledger.example.test/"


@pytest.fixture
def bank() -> Iterator[Running]:
    settings = {
        "users": [
            {"username": "alice", "password": "wonderland"},
            {"username": "bob", "password": "builder"},
        ],
        "resources": [
            {
                "uri": RESOURCE,
                "scopes": ["accounts"],
                "token_format": "opaque",
                "introspection_clients": [API_CLIENT_ID],
            },
            {
                "uri": LEDGER,
                "scopes": ["payments"],
                "token_format": "opaque",
                "introspection_clients": [API_CLIENT_ID],
            },
        ],
    }
    with running(settings, clock=MovableClock(), kind=AuthorizationServer) as server:
        yield server


@pytest.fixture(params=KINDS)
def device(request: pytest.FixtureRequest, bank: Running) -> Iterator[Callable[[], Any]]:
    """Makes a client, as each device of the customer has one: with its own store and its own DPoP keys."""
    clients, made = Clients(request.param), []

    def make() -> Any:
        client = clients.discover(
            bank.issuer,
            client_id=CLIENT_ID,
            auth=PrivateKeyJWT(bank.client_key),
            redirect_uri=bank.redirect_uri,
            http=bank.http(),
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close() if clients.kind == "sync" else client.aclose()
    clients.close()


@pytest.fixture
def served(bank: Running) -> Iterator[Callable[[TokenSet, str], int]]:
    """The status that the API at a resource answers with to a call with these tokens."""
    made: list[ResourceServer] = []

    def api(resource: str, scope: str) -> Any:
        app = flask.Flask(scope)
        app.add_url_rule("/", view_func=Access(scope, fresh=True)(lambda: "served"))
        server = ResourceServer(
            resource=resource,
            issuers=[
                Issuer(bank.issuer, introspection=Introspection(API_CLIENT_ID, PrivateKeyJWT(bank.api_key)))
            ],
            profile="fapi2-security",
            http=bank.http(),
        )
        made.append(server)
        app.wsgi_app = Protect(app.wsgi_app, server)  # type: ignore[method-assign]
        return app

    apis = {RESOURCE: api(RESOURCE, "accounts"), LEDGER: api(LEDGER, "payments")}
    caller = Client.discover(
        bank.issuer, client_id=CLIENT_ID, auth=PrivateKeyJWT(bank.client_key), http=bank.http()
    )

    def call(tokens: TokenSet, resource: str) -> int:
        transport = httpx.WSGITransport(app=apis[resource])
        with caller.api(tokens, base_url=resource, resource=resource, transport=transport) as client:
            try:
                return int(client.get(resource).status_code)
            except GrantEnded:  # the API said 401, and the tokens could not be refreshed
                return 401

    yield call
    caller.close()
    for server in made:
        server.close()


def signed_in(client: Any, bank: Running, **asked: Any) -> Login:
    start = client.begin(**asked)
    login: Login = client.complete(bank.browse(start.url), start.transaction)
    return login


ACCOUNTS: dict[str, Any] = {"scope": "openid accounts", "resources": [RESOURCE]}
PAYMENTS: dict[str, Any] = {"scope": "openid payments", "resources": [LEDGER]}


def end_at_the_bank(bank: Running, grant_id: str) -> None:
    """The customer ends the grant on the bank's own page, in a browser of their own."""
    hidden = re.compile(r'name="csrf" value="([^"]*)"')
    with httpx.Client(verify=bank.http().tls, base_url=bank.issuer, follow_redirects=True) as browser:
        page = browser.get("/grants")
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        page = browser.post("/login", data={**fields, "username": "alice", "password": "wonderland"})
        assert grant_id in page.text
        found = hidden.search(page.text)
        assert found
        page = browser.post("/grants/end", data={"csrf": found[1], "grant_id": grant_id})
        assert grant_id not in page.text


@pytest.mark.spec("GM 5.2a", "GM 5.2b", "GM 5.5", "GM 6.4", "GM 10")
def test_a_grant_is_shared_by_two_devices_replaced_by_a_third_and_ended_at_the_bank(
    bank: Running, device: Callable[[], Any], served: Callable[[TokenSet, str], int]
) -> None:
    phone, tablet, laptop = device(), device(), device()
    of_phone = signed_in(phone, bank, grant_management_action="create", **ACCOUNTS).tokens
    grant_id = of_phone.grant_id
    assert grant_id
    of_phone = phone.refresh(of_phone)
    assert of_phone.grant_id == grant_id

    merged = signed_in(tablet, bank, grant_management_action="merge", grant_id=grant_id, **PAYMENTS)
    of_tablet = merged.tokens
    assert of_tablet.grant_id == grant_id
    assert ("the token response names its grant", "passed") in [(c.name, c.outcome) for c in merged.report]
    assert (served(of_phone, RESOURCE), served(of_tablet, LEDGER)) == (200, 200)
    with pytest.raises(GrantEnded):
        phone.refresh(of_phone)
    of_tablet = tablet.refresh(of_tablet, resource=RESOURCE)  # what the phone was granted, too
    assert served(of_tablet, RESOURCE) == 200
    holds = tablet.query_grant(grant_id)
    assert [(each.scope, each.resources) for each in holds.scopes] == [
        ("openid", ()),
        ("accounts", (RESOURCE,)),
        ("payments", (LEDGER,)),
    ]

    asked = {"grant_management_action": "replace", "grant_id": grant_id}
    of_laptop = signed_in(laptop, bank, **asked, **ACCOUNTS).tokens
    with pytest.raises(GrantEnded):
        tablet.refresh(of_tablet, resource=LEDGER)
    assert served(of_tablet, LEDGER) == 401
    assert (served(of_tablet, RESOURCE), served(of_laptop, RESOURCE)) == (200, 200)
    assert [each.scope for each in laptop.query_grant(of_laptop).scopes] == ["openid", "accounts"]

    end_at_the_bank(bank, grant_id)
    assert (served(of_phone, RESOURCE), served(of_tablet, RESOURCE), served(of_laptop, RESOURCE)) == (
        401,
        401,
        401,
    )
    with pytest.raises(GrantEnded):
        laptop.refresh(of_laptop)
    with pytest.raises(NoSuchGrant):
        laptop.query_grant(grant_id)


@pytest.mark.spec("GM 6.1", "GM 6.5", "GM 6.6")
def test_a_client_ends_its_grant_with_a_token_that_it_keeps(
    bank: Running, device: Callable[[], Any], served: Callable[[TokenSet, str], int]
) -> None:
    client = device()
    tokens = client.save_tokens(
        "alice", signed_in(client, bank, grant_management_action="create", **ACCOUNTS).tokens
    )
    own = client.client_credentials(scope="grant_management_query grant_management_revoke")
    assert client.query_grant(tokens, tokens=own).grant_id == tokens.grant_id
    client.revoke_grant(tokens, tokens=own)
    assert client.load_tokens("alice") is None
    assert served(tokens, RESOURCE) == 401
    with pytest.raises(NoSuchGrant):
        client.revoke_grant(tokens, tokens=own)
    query_only = client.client_credentials(scope="grant_management_query")
    with pytest.raises(PeerRefused) as refused:
        client.revoke_grant("x" * 43, tokens=query_only)
    assert refused.value.peer_code == "insufficient_scope"


@pytest.mark.spec("GM 5.4")
def test_nobody_else_changes_a_grant(bank: Running, device: Callable[[], Any]) -> None:
    client = device()
    grant_id = signed_in(client, bank, grant_management_action="create", **ACCOUNTS).tokens.grant_id
    for action in ("merge", "replace"):
        start = client.begin(grant_management_action=action, grant_id=grant_id, **ACCOUNTS)
        callback = bank.browse(start.url, username="bob", password="builder")
        with pytest.raises(AuthorizationRefused) as refused:
            client.complete(callback, start.transaction)
        assert refused.value.peer_code == "invalid_grant_id"
        with pytest.raises(PeerRefused) as unknown:
            client.begin(grant_management_action=action, grant_id="x" * 43, **ACCOUNTS)
        assert unknown.value.peer_code == "invalid_grant_id"


@pytest.mark.spec("GM 5.2", "GM 5.4", "GM 7.1")
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"grant_management_action": "merge"}, "merge needs grant_id"),
        ({"grant_management_action": "create", "grant_id": "a"}, "create makes a new grant"),
        ({"grant_management_action": "update", "grant_id": "a"}, "use create, merge, replace"),
        ({"grant_id": "a"}, "grant_id needs grant_management_action"),
        (
            {"grant_management_action": "merge", "grant_id": "a/b"},
            "grant_id must be what a token response had",
        ),
        (
            {"grant_management_action": "merge", "grant_id": ".."},
            "grant_id must be what a token response had",
        ),
    ],
)
def test_a_wrong_request_is_not_sent(
    bank: Running, device: Callable[[], Any], asked: dict[str, Any], words: str
) -> None:
    client = device()
    for begin in (client.begin, client.device, lambda **asked: client.ciba(login_hint="alice", **asked)):
        with pytest.raises(ConfigurationError, match=words):
            begin(**asked)


def test_tokens_without_a_grant_id_name_no_grant(bank: Running, device: Callable[[], Any]) -> None:
    client = device()
    tokens = signed_in(client, bank, **ACCOUNTS).tokens
    assert tokens.grant_id is None
    with pytest.raises(ConfigurationError, match="no grant_id"):
        client.query_grant(tokens)
