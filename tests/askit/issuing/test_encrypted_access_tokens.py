"""Access tokens that askit encrypts for one API, which rskit opens; and introspection answers alike."""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import pytest

from askit import Config
from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.running import running
from fapikit import PrivateKeyJWT
from fapikit.errors import ConfigurationError, NotEncrypted, PeerRefused
from fapikit.jose.encryption import Decryption
from fapikit.jose.encryption_keys import DecryptionKey
from rpkit import Client
from rskit import Introspection, Issuer, ResourceServer
from rskit.request_view import RequestView
from tests.keys import a_key

ACCOUNTS, CARDS, LOANS = (f"https://api.example.test/{name}" for name in ("accounts", "cards", "loans"))
OPENS = DecryptionKey.generate("ECDH-ES", kid="api-enc")
API_KEY, CLIENT_KEY = a_key("ES256", 2), a_key("ES256", 1)
API = {
    "client_id": "accounts-api",
    "grant_types": [],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": {"keys": [dict(API_KEY.public_jwk), dict(OPENS.public_jwk)]},
    "introspection_signed_response_alg": "ES256",
    "introspection_encrypted_response_alg": "ECDH-ES",
    "introspection_encrypted_response_enc": "A256GCM",
}
SETTINGS: dict[str, Any] = {
    "profile": "fapi2-security",
    "resources": [
        {
            "uri": ACCOUNTS,
            "scopes": ["accounts"],
            "introspection_clients": ["accounts-api"],
            "encryption_client": "accounts-api",
            "encryption_alg": "ECDH-ES",
        },
        {"uri": CARDS, "scopes": ["cards"]},
        {
            "uri": LOANS,
            "scopes": ["loans"],
            "encryption_client": "accounts-api",
            "encryption_alg": "RSA-OAEP-256",  # it has no such key
        },
    ],
    "authorization_details_types": [],
    "clients": [
        API,
        {
            "client_id": "test-client",
            "redirect_uris": ["https://client.example.test/callback"],
            "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [dict(CLIENT_KEY.public_jwk)]},
        },
    ],
}


@pytest.fixture(scope="module")
def bank() -> Iterator[Any]:
    with running(SETTINGS, kind=FaultyServer) as server:
        yield server


@pytest.fixture
def client(bank: Any) -> Iterator[Client]:
    with Client.discover(
        bank.issuer,
        client_id="test-client",
        auth=PrivateKeyJWT(CLIENT_KEY),
        redirect_uri=bank.redirect_uri,
        profile="fapi2-security",
        http=bank.http(),
    ) as client:
        yield client


def an_api(bank: Any, resource: str, **settings: Any) -> ResourceServer:
    return ResourceServer(
        resource=resource,
        issuers=[Issuer(bank.issuer, settings.pop("introspection", None))],
        http=bank.http(),
        decryption=Decryption(keys=(OPENS,)),
        nonces=False,
        **settings,
    )


def decide(server: ResourceServer, token: str) -> Any:
    """Without a proof: what is bound is then refused by its scheme, and by nothing before."""
    with closing(server):
        decision = server.check(RequestView("GET", "/", "", (f"Bearer {token}",), ()))
        return server.sync_driver.run(decision) if isinstance(decision, Generator) else decision


def access_token(client: Client, scope: str, resource: str) -> str:
    tokens = client.client_credentials(scope=scope, resource=resource)
    return str(tokens.access_token_for(resource).reveal())


@pytest.mark.spec("RFC 9068 4-2; RFC 7519 5.2")
def test_the_api_opens_what_is_encrypted_for_it(bank: Any, client: Client):
    token = access_token(client, "accounts", ACCOUNTS)
    assert token.count(".") == 4
    assert type(decide(an_api(bank, ACCOUNTS), token).error).__name__ == "WrongScheme"
    clear = access_token(client, "cards", CARDS)
    assert clear.count(".") == 2
    assert type(decide(an_api(bank, CARDS), clear).error) is NotEncrypted


@pytest.mark.spec("RFC 9701 5; RFC 9701 6")
def test_the_api_asks_about_it_and_opens_the_answer(bank: Any, client: Client):
    asking = Introspection(
        "accounts-api", PrivateKeyJWT(API_KEY), decryption=Decryption(keys=(OPENS,)), local_jwts=False
    )
    server = an_api(bank, ACCOUNTS, introspection=asking)
    token = access_token(client, "accounts", ACCOUNTS)
    assert type(decide(server, token).error).__name__ == "WrongScheme"  # active, and bound
    unsigned = an_api(bank, ACCOUNTS, introspection=Introspection("accounts-api", PrivateKeyJWT(API_KEY)))
    assert decide(unsigned, token).status == 503


def test_an_api_without_its_key_gets_no_token_in_the_clear(client: Client):
    with pytest.raises(PeerRefused):
        access_token(client, "loans", LOANS)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nobody's key": ({"encryption_client": "nobody"}, "has no such client"),
    "RSA1_5": ({"encryption_alg": "RSA1_5"}, "not allowed"),
    "an unknown enc": ({"encryption_enc": "A192GCM"}, "not allowed"),
    "no algorithm": ({"encryption_alg": None}, "go together"),
    "opaque tokens": ({"token_format": "opaque"}, "with token_format jwt"),
}


@pytest.mark.parametrize(("changes", "told"), WRONG.values(), ids=WRONG)
def test_refuses_a_setting_that_nobody_can_keep(changes: dict[str, Any], told: str):
    settings = copy.deepcopy(SETTINGS) | {"issuer": "https://as.example"}
    resource = {**settings["resources"][0], **changes}
    settings["resources"][0] = {name: value for name, value in resource.items() if value is not None}
    with pytest.raises(ConfigurationError, match=told):
        Config.from_mapping(settings)
