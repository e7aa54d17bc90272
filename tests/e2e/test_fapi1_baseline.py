"""FAPI 1.0 Baseline between rpkit and askit over TLS: each way to sign in that it allows, public clients among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.running import RunningServer, running
from fapikit import PrivateKeyJWT
from fapikit.client_authentication import ClientSecretJWT, PublicClient
from rpkit.errors import UnaskedScope
from tests.keys import a_key
from tests.mothers.clients import CLIENT_KEY, KINDS, Clients
from tests.mothers.fapi1 import BASELINE

SECRET = "a secret of more than thirty-two octets, as HS256 asks"
CALLBACK = "https://client.example.test/callback"
AUTH: dict[str, Any] = {
    "none": PublicClient(),
    "client_secret_jwt": ClientSecretJWT(SECRET),
    "private_key_jwt": PrivateKeyJWT(a_key(*CLIENT_KEY)),
}


def _client(method: str) -> dict[str, Any]:
    credentials: dict[str, Any] = {"client_secret": SECRET} if method == "client_secret_jwt" else {}
    if method == "private_key_jwt":
        credentials = {"jwks": {"keys": [dict(a_key(*CLIENT_KEY).public_jwk)]}}
    return {
        "client_id": method,
        "client_name": method,
        "redirect_uris": [CALLBACK],
        "response_types": ["code", "code id_token"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": method,
        "id_token_signed_response_alg": "ES256",
        **credentials,
    }


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer[FaultyServer]]:
    settings = {"profile": "fapi1-baseline", "clients": [_client(method) for method in AUTH]}
    with running(settings, kind=FaultyServer) as server:
        yield server


@pytest.fixture(params=KINDS)
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    made = Clients(request.param)
    yield made
    made.close()


def connect(clients: Clients, server: Any, method: str, **options: Any) -> Any:
    return clients.discover(
        server.issuer,
        **{
            "client_id": method,
            "auth": AUTH[method],
            "redirect_uri": CALLBACK,
            "http": server.http(),
            **BASELINE,
            **options,
        },
    )


def close(clients: Clients, client: Any) -> None:
    client.close() if clients.kind == "sync" else client.aclose()


@pytest.mark.spec("FAPI1-BL 5.2.4-1, 5.2.3-1, -2, 5.2.2-2")
@pytest.mark.parametrize("binding", [None, "dpop"])
@pytest.mark.parametrize("response_type", ["code", "code id_token"])
@pytest.mark.parametrize("method", AUTH)
def test_each_way_to_sign_in(
    method: str, response_type: str, binding: Any, clients: Clients, server: Any
) -> None:
    client = connect(clients, server, method, response_type=response_type, sender_constraint=binding)
    start = client.begin(scope="openid accounts")
    login = client.complete(server.browse(start.url), start.transaction)
    assert client.userinfo(login).subject == login.id_token.subject
    assert login.tokens.dpop is None or binding == "dpop"
    if login.tokens.refresh_token is not None:
        assert client.refresh(login.tokens).access_tokens
    close(clients, client)


@pytest.mark.spec("FAPI1-BL 5.2.3-10")
def test_more_scope_than_was_asked(clients: Clients, server: Any) -> None:
    client = connect(clients, server, "private_key_jwt")
    server.app.faults["token_response"] = lambda body: {**body, "scope": f"{body.get('scope', '')} payments"}
    start = client.begin(scope="openid accounts")
    with pytest.raises(UnaskedScope):
        client.complete(server.browse(start.url), start.transaction)
    server.app.faults.clear()
    close(clients, client)
