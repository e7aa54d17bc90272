"""rpkit completes its flows at an Authlib server over TLS, for each feature that Authlib's server has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fapikit import HttpSettings, PrivateKeyJWT, Secret
from fapikit.client_authentication import ClientSecretBasic, ClientSecretJWT, ClientSecretPost, PublicClient
from rpkit.errors import AuthorizationRefused, GrantEnded
from tests.keys import mint
from tests.mothers.clients import KINDS, Clients
from tests.rpkit.interop.authlib_bank import (
    CLIENT_KEY,
    JWT_BEARER,
    METHODS,
    REDIRECT_URI,
    SECRET,
    AuthlibBank,
    serving,
)

AUTH = {
    "client_secret_basic": ClientSecretBasic(SECRET),
    "client_secret_post": ClientSecretPost(SECRET),
    "client_secret_jwt": ClientSecretJWT(SECRET),
    "private_key_jwt": PrivateKeyJWT(CLIENT_KEY),
    "none": PublicClient(),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AuthlibBank, Any]]:
    with serving(tmp_path_factory.mktemp("authlib")) as running:
        yield running


@pytest.fixture
def authlib_bank(served: tuple[AuthlibBank, Any]) -> AuthlibBank:
    return served[0]


class Fintech:
    """Connects clients, and is the user's browser."""

    def __init__(self, clients: Clients, served: tuple[AuthlibBank, Any]) -> None:
        self.clients = clients
        self._bank, self.tls = served
        self._made: list[Any] = []

    def client(self, method: str = "private_key_jwt", **options: Any) -> Any:
        given = {
            "client_id": method,
            "auth": AUTH.get(method),
            "redirect_uri": REDIRECT_URI,
            "profile": "oauth-2.1",
            "sender_constraint": None,
            "http": HttpSettings(tls=self.tls),
        }
        self._made.append(self.clients.discover(self._bank.issuer, **{**given, **options}))
        return self._made[-1]

    def approve(self, url: str) -> str:
        with httpx.Client(verify=self.tls, trust_env=False) as browser:
            return str(browser.get(url).headers["location"])

    def sign_in(self, client: Any, **asked: Any) -> Any:
        start = client.begin(**{"scope": "openid profile", **asked})
        return client.complete(self.approve(start.url), start.transaction)

    def close(self) -> None:
        for client in self._made:
            client.close() if self.clients.kind == "sync" else client.aclose()
        self.clients.close()


@pytest.fixture(params=KINDS)
def fintech(request: pytest.FixtureRequest, served: tuple[AuthlibBank, Any]) -> Iterator[Fintech]:
    made = Fintech(Clients(request.param), served)
    yield made
    made.close()


@pytest.mark.parametrize("method", METHODS)
def test_code_flow_with_every_client_authentication(method: str, fintech: Fintech) -> None:
    client = fintech.client(method)
    login = fintech.sign_in(client, acr_values="urn:acr:high", max_age=300)
    assert login.id_token.subject == "alice"
    passed = {check.name for check in login.report if check.outcome == "passed"}
    assert {"iss of the response", "ID token: at_hash", "ID token: acr", "ID token: auth_time"} <= passed
    assert client.userinfo(login).claims["name"] == "Alice"


def test_a_refusal_comes_back_with_its_issuer(fintech: Fintech) -> None:
    client = fintech.client()
    start = client.begin(login_hint="nobody")
    with pytest.raises(AuthorizationRefused) as caught:
        client.complete(fintech.approve(start.url), start.transaction)
    assert caught.value.peer_code == "access_denied"


def test_request_object_by_value(fintech: Fintech) -> None:
    login = fintech.sign_in(fintech.client(signed_requests=True))
    assert login.id_token.subject == "alice"
    assert "request_object" in login.evidence.export()


def test_refresh_with_rotation_and_an_id_token(fintech: Fintech) -> None:
    client = fintech.client()
    tokens = fintech.sign_in(client).tokens
    newer = client.refresh(tokens)
    assert newer.refresh_token != tokens.refresh_token
    assert newer.access_token_for(None) != tokens.access_token_for(None)
    assert client.refresh(newer).version == tokens.version + 2


def test_client_credentials(fintech: Fintech) -> None:
    tokens = fintech.client().client_credentials(scope="profile")
    assert tokens.scope == "profile"
    assert tokens.refresh_token is None


def test_jwt_bearer_grant(fintech: Fintech, authlib_bank: AuthlibBank) -> None:
    now = int(time.time())
    claims = {"iss": "private_key_jwt", "sub": "bob", "aud": authlib_bank.issuer, "iat": now, "exp": now + 60}
    tokens = fintech.client().grant(JWT_BEARER, scope="profile", assertion=mint(claims, CLIENT_KEY))
    assert tokens.has(None)


@pytest.mark.parametrize("method", ["client_secret_basic", "private_key_jwt"])
def test_introspection_and_revocation(method: str, fintech: Fintech) -> None:
    client = fintech.client(method)
    tokens = fintech.sign_in(client).tokens
    assert client.introspect(tokens).claims["client_id"] == method
    client.revoke(tokens)
    assert not client.introspect(tokens).active
    with pytest.raises(GrantEnded):
        client.refresh(tokens)


def test_signed_userinfo(fintech: Fintech) -> None:
    client = fintech.client(
        client_id="signed-userinfo", auth=PrivateKeyJWT(CLIENT_KEY), userinfo_signed_response_alg="ES256"
    )
    user = client.userinfo(fintech.sign_in(client))
    assert user.token is not None
    assert user.claims["name"] == "Alice"


def test_dynamic_registration(fintech: Fintech, authlib_bank: AuthlibBank) -> None:
    import asyncio

    from rpkit import AsyncClient, Client

    asked = {
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "ES256",
        "jwks": {"keys": [dict(CLIENT_KEY.public_jwk)]},
        "response_types": ["code"],
        "scope": "openid profile",
    }
    options = {
        "profile": "oauth-2.1",
        "http": HttpSettings(tls=fintech.tls),
        "initial_access_token": Secret("initial"),
    }
    if fintech.clients.kind == "sync":
        registration = Client.register(authlib_bank.issuer, asked, **options)
    else:
        registration = asyncio.run(AsyncClient.register(authlib_bank.issuer, asked, **options))
    client = fintech.client(client_id=registration.client_id, auth=PrivateKeyJWT(CLIENT_KEY))
    assert fintech.sign_in(client).id_token.subject == "alice"


def test_calling_an_api_with_the_token(fintech: Fintech, authlib_bank: AuthlibBank) -> None:
    client = fintech.client()
    tokens = fintech.sign_in(client).tokens
    with client.api(tokens, base_url=authlib_bank.issuer) as api:
        assert api.get("/userinfo").json()["sub"] == "alice"


def test_fapi2_is_refused_for_what_this_server_cannot(fintech: Fintech) -> None:
    from fapikit.errors import MissingMetadata

    with pytest.raises(MissingMetadata) as caught:
        fintech.client(profile="fapi2-security", sender_constraint="dpop")
    assert caught.value.clause == "FAPI2-SP 5.3.2.2-3"
