"""`examples/mcp_server.py` called by the official `mcp` client, which finds askit and signs in there by itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from askit.pytest_plugin.running import REDIRECT_URI, running
from askit.server import AuthorizationServer
from examples.mcp_server import create_app
from fapikit.io.tls import client_context
from rpkit import client_metadata_document
from tests.askit.hosting import CA
from tests.keys import claims_of
from tests.rpkit.registration.documents import published
from tests.rskit.live.running import uvicorn_at
from tests.servers import free_port

SECRET = "a secret of at least thirty-two octets"


class Kept:
    """Token storage: a client that was registered beforehand, and the tokens it gets."""

    def __init__(self, client: OAuthClientInformationFull | None) -> None:
        self._client = client
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._client = client_info


def settings(resource: str) -> dict[str, Any]:
    client = {
        "client_id": "mcp-client",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret": SECRET,
    }
    return {
        "profile": "oauth-2.1",
        "resources": [{"uri": resource, "scopes": ["notes"]}],
        "authorization_details_types": [],
        "clients": [client],
    }


@pytest.mark.spec("RFC 9728 5.1")
def test_the_official_client_finds_its_way_from_a_401_to_an_answer():
    port = free_port()
    resource = f"http://127.0.0.1:{port}/mcp"
    with (
        running(settings(resource), kind=AuthorizationServer) as askit,
        uvicorn_at(create_app(resource, askit.issuer, askit.http()), port=port) as base,
    ):
        refused = httpx.post(resource, json={})
        assert refused.status_code == 401
        assert f"{base}/.well-known/oauth-protected-resource/mcp" in refused.headers["www-authenticate"]

        async def call() -> tuple[Any, OAuthToken | None]:
            callbacks: list[str] = []

            async def visit(url: str) -> None:
                callbacks.append(str(await askit.async_browse(url)))

            async def called_back() -> AuthorizationCodeResult:
                fields = {name: values[0] for name, values in parse_qs(urlsplit(callbacks[-1]).query).items()}
                return AuthorizationCodeResult(
                    code=fields["code"], state=fields.get("state"), iss=fields.get("iss")
                )

            registered = {
                "redirect_uris": [REDIRECT_URI],
                "token_endpoint_auth_method": "client_secret_basic",
            }
            client = OAuthClientInformationFull(
                client_id="mcp-client", client_secret=SECRET, issuer=askit.issuer, **registered
            )
            kept = Kept(client)
            auth = OAuthClientProvider(resource, OAuthClientMetadata(**registered), kept, visit, called_back)
            async with (
                httpx2.AsyncClient(auth=auth, verify=client_context(ca=askit.ca)) as http,
                Client(streamable_http_client(resource, http_client=http)) as session,
            ):
                return (await session.call_tool("list_notes", {})), kept.tokens

        answer, tokens = asyncio.run(call())
    assert [part.text for part in answer.content] == ["buy milk", "call the bank"]
    assert tokens is not None
    assert "notes" in (tokens.scope or "").split()


@pytest.mark.spec("CIMD 3", "CIMD 5")
def test_the_official_client_needs_no_registration_if_its_client_id_is_the_url_of_its_metadata(
    tmp_path: Path,
):
    port = free_port()
    resource = f"http://127.0.0.1:{port}/mcp"
    ca = tmp_path / "ca.pem"
    ca.write_bytes(CA.cert_pem.bytes())
    open_to_documents = {
        **settings(resource),
        "clients": [],
        "registration": {"scopes": ["openid", "offline_access", "notes"]},
        "client_metadata_documents": {"hosts": ["localhost"]},
        "http": {"ca": str(ca)},
    }
    with (
        published() as page,
        running(open_to_documents, kind=AuthorizationServer) as askit,
        uvicorn_at(create_app(resource, askit.issuer, askit.http()), port=port),
    ):
        metadata = {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}
        document = client_metadata_document(
            page.url,
            {**metadata, "client_name": "An agent", "id_token_signed_response_alg": "ES256"},
            profile="oauth-2.1",
        )
        page.body = json.dumps(document).encode()

        async def call() -> tuple[Any, Kept]:
            callbacks: list[str] = []

            async def visit(url: str) -> None:
                callbacks.append(str(await askit.async_browse(url)))

            async def called_back() -> AuthorizationCodeResult:
                fields = {name: values[0] for name, values in parse_qs(urlsplit(callbacks[-1]).query).items()}
                return AuthorizationCodeResult(
                    code=fields["code"], state=fields.get("state"), iss=fields.get("iss")
                )

            kept = Kept(None)
            auth = OAuthClientProvider(
                resource,
                OAuthClientMetadata(**metadata),
                kept,
                visit,
                called_back,
                client_metadata_url=page.url,
            )
            async with (
                httpx2.AsyncClient(auth=auth, verify=client_context(ca=askit.ca)) as http,
                Client(streamable_http_client(resource, http_client=http)) as session,
            ):
                return (await session.call_tool("list_notes", {})), kept

        answer, kept = asyncio.run(call())
    assert [part.text for part in answer.content] == ["buy milk", "call the bank"]
    assert kept.tokens is not None
    assert claims_of(kept.tokens.access_token)["client_id"] == page.url
