"""The client's metadata as a document at its client_id: what may be in it, and a login by it at a real server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from askit.pytest_plugin.running import REDIRECT_URI, RESOURCE, running
from askit.server import AuthorizationServer
from fapikit import PrivateKeyJWT
from fapikit.errors import ConfigurationError, ForbiddenByProfile
from rpkit import Client, client_metadata_document
from tests.askit.hosting import CA
from tests.keys import a_key, claims_of
from tests.rpkit.registration.documents import published

URL = "https://fintech.example/oauth/client.json"
METADATA: dict[str, Any] = {
    "client_name": "Fintech",
    "redirect_uris": ["https://fintech.example/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "private_key_jwt",
    "id_token_signed_response_alg": "ES256",
    "jwks": {"keys": [dict(a_key().public_jwk)]},
}


@pytest.mark.spec("CIMD 4.1")
def test_the_document_has_its_url_as_client_id() -> None:
    assert client_metadata_document(URL, METADATA) == {**METADATA, "client_id": URL}
    assert client_metadata_document(URL, {**METADATA, "client_id": URL})["client_id"] == URL


@pytest.mark.spec("CIMD 3")
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://fintech.example/client.json", "https"),
        ("http://localhost/client.json", "https"),
        ("https://fintech.example", "path"),
        ("https://fintech.example/", "path"),
        ("https://fintech.example/a/../client.json", "segments"),
        ("https://fintech.example/%2E/client.json", "segments"),
        ("https://fintech.example/client.json#x", "fragment"),
        ("https://me@fintech.example/client.json", "user info"),
        ("https://fintech.example/" + "x" * 500, "512"),
        ("", "https"),
    ],
)
def test_what_is_no_url_of_a_document(url: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        client_metadata_document(url, METADATA)


MISTAKES: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "another client_id": ({"client_id": "https://fintech.example/other.json"}, ConfigurationError),
    "a secret": ({"client_secret": "hush"}, ConfigurationError),
    "a method with a secret": ({"token_endpoint_auth_method": "client_secret_post"}, ConfigurationError),
    "the default method": ({"token_endpoint_auth_method": None}, ConfigurationError),
    "no method under FAPI": ({"token_endpoint_auth_method": "none"}, ForbiddenByProfile),
    "a private key": ({"jwks": {"keys": [a_key().to_private_jwk()]}}, ConfigurationError),
    "too long": ({"client_name": "x" * 5120}, ConfigurationError),
}


@pytest.mark.spec("CIMD 4.1", "CIMD 6.6")
@pytest.mark.parametrize("what", MISTAKES)
def test_a_document_with_one_mistake_is_not_made(what: str) -> None:
    changes, error = MISTAKES[what]
    changed = {name: value for name, value in {**METADATA, **changes}.items() if value is not None}
    with pytest.raises(error):
        client_metadata_document(URL, changed)


@pytest.mark.spec("CIMD 3", "CIMD 5", "CIMD 6.2")
def test_a_login_at_a_server_that_has_never_heard_of_the_client(tmp_path: Any) -> None:
    with published() as page, served(tmp_path) as askit:
        document = client_metadata_document(page.url, {**METADATA, "redirect_uris": [REDIRECT_URI]})
        page.body = json.dumps(document).encode()
        with Client.discover(
            askit.issuer,
            client_id=page.url,
            auth=PrivateKeyJWT(a_key()),
            redirect_uri=REDIRECT_URI,
            http=askit.http(),
        ) as client:
            assert client.metadata.flag("client_id_metadata_document_supported")
            start = client.begin(scope="openid accounts", resources=[RESOURCE])
            login = client.complete(askit.browse(start.url), start.transaction)
            token = login.tokens.access_token_for(RESOURCE).reveal()
            assert claims_of(token)["client_id"] == page.url
            assert client.refresh(login.tokens).version == 2


@contextmanager
def served(folder: Any) -> Any:
    ca = folder / "ca.pem"
    ca.write_bytes(CA.cert_pem.bytes())
    settings: Mapping[str, Any] = {
        "client_metadata_documents": {"hosts": ["localhost"]},
        "registration": {"scopes": ["openid", "accounts"]},
        "http": {"ca": str(ca)},
    }
    with running(settings, kind=AuthorizationServer) as askit:
        yield askit
