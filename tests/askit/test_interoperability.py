"""Clients that share no code with this project complete the flows they support, over TLS sockets.

requests_oauth2client speaks PAR, DPoP with nonces, private_key_jwt and RFC 9207: the whole of FAPI 2 Security. Authlib
(1.9) has neither PAR nor DPoP, so it takes the OAuth 2.1 flows: code with PKCE, refresh, client credentials,
introspection, revocation, by secret and by private_key_jwt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from authlib.integrations.httpx_client import OAuth2Client as AuthlibClient
from authlib.oauth2.rfc7523 import PrivateKeyJWT as AuthlibPrivateKeyJwt
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from jwskate import Jwk
from requests_oauth2client import DPoPToken, InvalidGrant, OAuth2Client, PrivateKeyJwt

from askit.pytest_plugin.running import REDIRECT_URI, RESOURCE, RunningServer, running
from askit.server import AuthorizationServer
from fapikit.io.tls import client_context

Running = RunningServer[AuthorizationServer]
PAYMENT = {
    "type": "payment_initiation",
    "instructedAmount": {"amount": "5.00", "currency": "EUR"},
    "payee": "Ada",
}


# requests_oauth2client, FAPI 2 Security.


@pytest.fixture(scope="module")
def fapi() -> Iterator[Running]:
    with running(kind=AuthorizationServer) as server:
        yield server


@pytest.fixture
def session(fapi: Running) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.verify = str(fapi.ca)
        session.trust_env = False
        yield session


def _private_jwk(server: Running) -> Jwk:
    return Jwk(server.client_key.to_private_jwk())


@pytest.fixture
def peer(fapi: Running, session: requests.Session) -> OAuth2Client:
    return OAuth2Client.from_discovery_endpoint(
        issuer=fapi.issuer,
        auth=PrivateKeyJwt(fapi.client_id, _private_jwk(fapi), alg="ES256", aud=fapi.issuer),
        redirect_uri=REDIRECT_URI,
        session=session,
        id_token_signed_response_alg="ES256",
        dpop_bound_access_tokens=True,
    )


def _login(fapi: Running, peer: OAuth2Client, **request: Any) -> DPoPToken:
    asked = peer.authorization_request(scope="openid accounts", dpop=True, **request)
    pushed = peer.pushed_authorization_request(asked)
    callback = fapi.browse(str(pushed.uri))
    # It copies a DPoP token without its key when it validates the ID token (1.8.0), so that is done below.
    token = peer.authorization_code(asked.validate_callback(callback), validate=False)
    assert isinstance(token, DPoPToken)
    return token


def test_requests_oauth2client_logs_in_under_fapi_2(fapi: Running, peer: OAuth2Client) -> None:
    token = _login(fapi, peer, nonce="the-nonce")
    keys = KeySet.import_key_set(peer.update_authorization_server_public_keys().to_dict())
    claims = jwt.decode(str(token.id_token), keys, algorithms=["ES256"]).claims
    assert (claims["sub"], claims["nonce"], claims["iss"]) == ("alice", "the-nonce", fapi.issuer)
    userinfo = peer.userinfo(token)
    assert userinfo["sub"] == "alice"


def test_requests_oauth2client_asks_for_a_payment(fapi: Running, peer: OAuth2Client) -> None:
    token = _login(fapi, peer, authorization_details=json.dumps([PAYMENT]))
    granted = token.authorization_details
    assert granted[0]["payee"] == "Ada"
    assert granted[0]["consent_id"]


def test_requests_oauth2client_refreshes_and_revokes(fapi: Running, peer: OAuth2Client) -> None:
    token = _login(fapi, peer)
    renewed = peer.refresh_token(token.refresh_token, dpop_key=token.dpop_key)
    assert isinstance(renewed, DPoPToken)
    assert renewed.access_token != token.access_token
    assert peer.revoke_refresh_token(token.refresh_token)
    with pytest.raises(InvalidGrant):
        peer.refresh_token(token.refresh_token, dpop_key=token.dpop_key)


def test_requests_oauth2client_gets_client_credentials(fapi: Running, peer: OAuth2Client) -> None:
    token = peer.client_credentials(scope="accounts", dpop=True)
    assert isinstance(token, DPoPToken)
    assert token.scope == "accounts"
    assert token.refresh_token is None


def test_requests_oauth2client_introspects_as_an_api(
    fapi: Running, peer: OAuth2Client, session: requests.Session
) -> None:
    token = peer.client_credentials(scope="accounts", dpop=True)
    key = Jwk(fapi.api_key.to_private_jwk())
    api = OAuth2Client.from_discovery_endpoint(
        issuer=fapi.issuer,
        auth=PrivateKeyJwt(fapi.api_client_id, key, alg="ES256", aud=fapi.issuer),
        session=session,
    )
    members = api.introspect_token(token.access_token)
    assert members["active"] is True
    assert members["scope"] == "accounts"


# Authlib, OAuth 2.1.

SECRET = "a-secret-of-more-than-thirty-two-octets"
AUTHLIB = {
    "client_id": "authlib",
    "client_secret": SECRET,
    "redirect_uris": [REDIRECT_URI],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
}


@pytest.fixture(scope="module")
def oauth() -> Iterator[Running]:
    settings = {
        "profile": "oauth-2.1",
        "resources": [{"uri": RESOURCE, "scopes": ["accounts"], "introspection_clients": ["authlib"]}],
        "clients": [
            {**AUTHLIB, "token_endpoint_auth_method": "client_secret_basic"},
            {**AUTHLIB, "client_id": "authlib-post", "token_endpoint_auth_method": "client_secret_post"},
        ],
    }
    with running(settings, kind=AuthorizationServer) as server:
        yield server


def _authlib(oauth: Running, **settings: Any) -> AuthlibClient:
    return AuthlibClient(
        redirect_uri=REDIRECT_URI,
        code_challenge_method="S256",
        verify=client_context(ca=oauth.ca),
        trust_env=False,
        **{"client_id": "authlib", "client_secret": SECRET, "scope": "openid accounts", **settings},
    )


def _authlib_login(oauth: Running, client: AuthlibClient) -> dict[str, Any]:
    verifier = "v" * 50
    url, _ = client.create_authorization_url(
        oauth.app.core.endpoint("authorize"), code_verifier=verifier, nonce="the-nonce"
    )
    callback = oauth.browse(url)
    return dict(
        client.fetch_token(
            oauth.app.core.endpoint("token"), authorization_response=callback, code_verifier=verifier
        )
    )


@pytest.mark.parametrize(
    ("client_id", "method"), [("authlib", "client_secret_basic"), ("authlib-post", "client_secret_post")]
)
def test_authlib_logs_in_with_a_secret(oauth: Running, client_id: str, method: str) -> None:
    with _authlib(oauth, client_id=client_id, token_endpoint_auth_method=method) as client:
        token = _authlib_login(oauth, client)
        assert token["token_type"] == "Bearer"
        keys = KeySet.import_key_set(
            client.request("GET", oauth.app.core.endpoint("jwks"), withhold_token=True).json()
        )
        claims = jwt.decode(token["id_token"], keys, algorithms=["ES256"]).claims
        assert (claims["sub"], claims["nonce"], claims["aud"]) == ("alice", "the-nonce", client_id)
        assert client.get(oauth.app.core.endpoint("userinfo")).json() == {"sub": "alice"}


def test_authlib_logs_in_by_private_key_jwt(oauth: Running) -> None:
    method = AuthlibPrivateKeyJwt(oauth.issuer, alg="ES256", headers={"kid": oauth.client_key.kid})
    key = ECKey.import_key(oauth.client_key.to_pem())
    with _authlib(
        oauth, client_id=oauth.client_id, client_secret=key, token_endpoint_auth_method="private_key_jwt"
    ) as client:
        client.register_client_auth_method(method)
        assert _authlib_login(oauth, client)["access_token"]


def test_authlib_refreshes_introspects_and_revokes(oauth: Running) -> None:
    with _authlib(oauth) as client:
        token = _authlib_login(oauth, client)
        endpoint = oauth.app.core.endpoint
        renewed = client.refresh_token(endpoint("token"), refresh_token=token["refresh_token"])
        assert renewed["access_token"] != token["access_token"]
        assert renewed["refresh_token"] != token["refresh_token"]  # OAuth 2.1 rotates
        seen = client.introspect_token(endpoint("introspect"), token=renewed["access_token"]).json()
        assert seen["active"] is True
        assert seen["scope"] == "accounts"
        assert client.revoke_token(endpoint("revoke"), token=renewed["refresh_token"]).status_code == 200
        after = client.introspect_token(endpoint("introspect"), token=renewed["access_token"]).json()
        assert after == {"active": False}


def test_authlib_gets_client_credentials(oauth: Running) -> None:
    with _authlib(oauth, scope="accounts") as client:
        token = client.fetch_token(oauth.app.core.endpoint("token"), grant_type="client_credentials")
        assert token["scope"] == "accounts"
        assert "refresh_token" not in token
