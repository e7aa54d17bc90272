"""A customer's token goes from the fintech to an API, and from there to the API behind it: all roles, over TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import flask
import httpx
import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import API_CLIENT_ID, CLIENT_ID, RESOURCE, RunningServer, running
from fapikit import PrivateKeyJWT
from fapikit.errors import PeerRefused
from rpkit import Client, TokenSet
from rskit import Introspection, Issuer, ResourceServer
from tests.keys import a_key, claims_of, mint
from tests.mothers.clients import KINDS, Clients
from wsgi_mw import Protect
from wsgi_mw.flask import Access, current_token

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LEDGER = "https://ledger.example.test/"
PARTNER, PARTNER_KEY = "https://partner.example.test", a_key("ES256", 31)
RULE = {
    "clients": [API_CLIENT_ID],
    "received_tokens": True,
    "proof_checked_by_api": True,
    "resources": [LEDGER],
}
GRANTS = ["authorization_code", "refresh_token", EXCHANGE, BEARER]

Running = RunningServer[AuthorizationServer]


def own_client(client_id: str, grant_types: list[str], **more: Any) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": grant_types,
        **more,
    }


@pytest.fixture(params=["jwt", "opaque"])
def bank(request: pytest.FixtureRequest) -> Iterator[Running]:
    settings = {
        "clients": [
            own_client(CLIENT_ID, GRANTS, redirect_uris=["https://client.example.test/callback"]),
            own_client(API_CLIENT_ID, [EXCHANGE]),
        ],
        "resources": [
            {"uri": RESOURCE, "scopes": ["accounts", "payments"], "introspection_clients": [API_CLIENT_ID]},
            {
                "uri": LEDGER,
                "scopes": ["accounts"],
                "token_format": request.param,
                "introspection_clients": [API_CLIENT_ID],
            },
        ],
        "token_exchange": [RULE],
        "trusted_issuers": [
            {
                "issuer": PARTNER,
                "jwks": {"keys": [dict(PARTNER_KEY.public_jwk)]},
                "clients": [CLIENT_ID],
                "subjects": {"p-17": "alice"},
                "scopes": ["accounts"],
            }
        ],
    }
    with running(settings, clock=MovableClock(), kind=AuthorizationServer) as server:
        yield server


@pytest.fixture(params=KINDS)
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    made = Clients(request.param)
    yield made
    made.close()


Connect = Callable[[str], Any]


@pytest.fixture
def connect(bank: Running, clients: Clients) -> Iterator[Connect]:
    made: list[Any] = []

    def connect(client_id: str) -> Any:
        key = bank.client_key if client_id == CLIENT_ID else bank.api_key
        client = clients.discover(
            bank.issuer,
            client_id=client_id,
            auth=PrivateKeyJWT(key),
            redirect_uri=bank.redirect_uri if client_id == CLIENT_ID else None,
            http=bank.http(),
        )
        made.append(client)
        return client

    yield connect
    for client in made:
        client.close() if clients.kind == "sync" else client.aclose()


def signed_in(client: Any, bank: Running) -> TokenSet:
    start = client.begin(scope="openid accounts payments", resources=[RESOURCE])
    tokens: TokenSet = client.complete(bank.browse(start.url), start.transaction).tokens
    return tokens


@pytest.fixture
def protected(bank: Running) -> Iterator[Callable[[str, Callable[[], Any]], Any]]:
    """Makes a Flask app with one endpoint, behind the middleware."""
    made: list[ResourceServer] = []

    def protect(resource: str, endpoint: Callable[[], Any]) -> Any:
        app = flask.Flask(resource)
        app.add_url_rule("/", view_func=Access("accounts")(endpoint))
        asked = Introspection(API_CLIENT_ID, PrivateKeyJWT(bank.api_key))
        server = ResourceServer(
            resource=resource,
            issuers=[Issuer(bank.issuer, introspection=asked)],
            profile="fapi2-security",
            http=bank.http(),
        )
        made.append(server)
        app.wsgi_app = Protect(app.wsgi_app, server)  # type: ignore[method-assign]
        return app

    yield protect
    for server in made:
        server.close()


def get(bank: Running, client_id: str, tokens: TokenSet, resource: str, app: Any) -> httpx.Response:
    """A call with these tokens, proof and nonces as rpkit sends them."""
    key = bank.client_key if client_id == CLIENT_ID else bank.api_key
    caller = Client.discover(
        bank.issuer,
        client_id=client_id,
        auth=PrivateKeyJWT(key),
        http=bank.http(),
        redirect_uri=bank.redirect_uri,
    )
    transport = httpx.WSGITransport(app=app)
    with caller, caller.api(tokens, base_url=resource, resource=resource, transport=transport) as api:
        return api.get(resource)


@pytest.mark.spec("RFC 8693 2.1d", "RFC 8693 2.2.1a", "RFC 8693 4.1b", "RFC 8693 6")
def test_from_the_fintech_through_one_api_to_the_next(
    bank: Running, connect: Connect, protected: Any
) -> None:
    of_api = connect(API_CLIENT_ID)

    def ledger() -> Any:
        token = current_token
        return {"user": token.subject, "actor": token.actor, "by": token.client_id, "scope": token.scope}

    behind = protected(LEDGER, ledger)

    def accounts() -> Any:
        received = flask.request.headers["authorization"].split()[1]
        assert current_token.actor is None
        handed_on = of_api.exchange(received, resource=LEDGER, scope="accounts")
        return get(bank, API_CLIENT_ID, handed_on, LEDGER, behind).json()

    front = protected(RESOURCE, accounts)
    answer = get(bank, CLIENT_ID, signed_in(connect(CLIENT_ID), bank), RESOURCE, front)
    assert answer.json() == {
        "user": "alice",
        "actor": {"sub": API_CLIENT_ID},
        "by": API_CLIENT_ID,
        "scope": "accounts",
    }


def test_introspection_shows_the_actor_and_the_binding(bank: Running, connect: Connect) -> None:
    received = signed_in(connect(CLIENT_ID), bank).access_token_for(RESOURCE)
    of_api = connect(API_CLIENT_ID)
    handed_on = of_api.exchange(received, resource=LEDGER)
    seen = of_api.introspect(handed_on, resource=LEDGER).claims
    assert (seen["sub"], seen["act"], seen["aud"]) == ("alice", {"sub": API_CLIENT_ID}, LEDGER)
    assert seen["cnf"] == {"jkt": handed_on.dpop.jkt}


def test_a_client_narrows_its_own_tokens_and_their_end_is_the_end_of_both(
    bank: Running, connect: Connect
) -> None:
    client = connect(CLIENT_ID)
    tokens = signed_in(client, bank)
    narrow = client.exchange(tokens, scope="accounts", resource=RESOURCE)
    assert (narrow.scope, narrow.dpop, narrow.subject) == ("accounts", tokens.dpop, "alice")
    assert claims_of(narrow.access_token_for(RESOURCE).reveal())["scope"] == "accounts"
    assert connect(API_CLIENT_ID).introspect(narrow.access_token_for(RESOURCE)).active
    client.revoke(tokens)
    assert not connect(API_CLIENT_ID).introspect(narrow.access_token_for(RESOURCE)).active


@pytest.mark.spec("RFC 9449 7")
def test_a_thief_with_everything_but_the_key_gets_nothing(bank: Running, connect: Connect) -> None:
    client = connect(CLIENT_ID)
    stolen = signed_in(client, bank).access_token_for(RESOURCE)
    with pytest.raises(PeerRefused, match="bound to another DPoP key") as refused:
        client.exchange(stolen, scope="accounts")  # the text of the token: the key stays with its set
    assert refused.value.peer_code == "invalid_request"


@pytest.mark.parametrize(
    "asked, code, why",
    [
        (
            {"scope": "payments", "resource": LEDGER},
            "invalid_scope",
            "nothing of subject_token belongs to this API",
        ),
        ({"scope": "openid"}, "invalid_scope", "does not have a requested scope"),
        ({"resource": "https://elsewhere.example.test/"}, "invalid_target", "not granted"),
        ({"audience": "https://elsewhere.example.test/"}, "invalid_target", "not granted"),
        (
            {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"},
            "invalid_request",
            "subject_token_type",
        ),
        ({"actor_token": "unheard-of"}, "invalid_request", "actor_token is unknown here"),
    ],
)
def test_what_was_wrong_reaches_the_client(
    bank: Running, connect: Connect, asked: dict[str, Any], code: str, why: str
) -> None:
    received = signed_in(connect(CLIENT_ID), bank).access_token_for(RESOURCE)
    with pytest.raises(PeerRefused, match=why) as refused:
        connect(API_CLIENT_ID).exchange(received, **asked)
    assert refused.value.peer_code == code


# Assertions


def assertion(bank: Running, **changes: Any) -> str:
    now = int(bank.app.core.clock())
    claims = {"iss": PARTNER, "sub": "p-17", "aud": bank.issuer, "iat": now, "exp": now + 60, "jti": "one"}
    return mint({**claims, **changes}, PARTNER_KEY)


@pytest.mark.spec("RFC 7523 2.1", "RFC 7523 3-7")
def test_an_assertion_reaches_an_api_once(bank: Running, connect: Connect, protected: Any) -> None:
    client = connect(CLIENT_ID)
    tokens = client.jwt_bearer(assertion(bank), scope="accounts", resource=LEDGER)

    def ledger() -> Any:
        return {"user": current_token.subject, "acr": current_token.acr}

    behind = protected(LEDGER, ledger)
    assert get(bank, CLIENT_ID, tokens, LEDGER, behind).json() == {"user": "alice", "acr": None}
    for text, why in (
        (assertion(bank), "used before"),
        (assertion(bank, aud=LEDGER, jti="two"), "another recipient"),
    ):
        with pytest.raises(PeerRefused, match=why) as refused:
            client.jwt_bearer(text, scope="accounts", resource=LEDGER)
        assert refused.value.peer_code == "invalid_grant"
