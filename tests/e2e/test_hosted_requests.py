"""A login whose request object askit fetches from the site of the fintech: three programs, real sockets, TLS."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.running import RunningServer, running
from fapikit import PrivateKeyJWT
from fapikit.stores.sealed import Seal
from rpkit import AsyncClient
from rpkit.starlette import SignIn
from tests.rskit.live.running import uvicorn_at
from tests.servers import free_port

CA = trustme.CA()


@pytest.fixture
def site() -> str:
    return f"https://localhost:{free_port()}"


@pytest.fixture
def request_uris(site: str) -> list[str]:
    return [f"{site}/requests/{secrets.token_urlsafe()}" for _ in range(2)]


@pytest.fixture
def server(site: str, request_uris: list[str], tmp_path: Path) -> Iterator[RunningServer[FaultyServer]]:
    CA.cert_pem.write_to_path(tmp_path / "ca.pem")
    client = {
        "client_id": "test-client",
        "client_name": "Test Client",
        "redirect_uris": [f"{site}/callback"],
        "request_uris": request_uris,
        "response_types": ["code", "code id_token"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "ES256",
        "request_object_signing_alg": "ES256",
        "require_signed_request_object": True,
    }
    settings = {
        "profile": "fapi1-baseline",
        "clients": [client],
        "http": {"ca": str(tmp_path / "ca.pem")},
    }
    with running(settings, kind=FaultyServer) as server:
        yield server


@pytest.fixture
def fetched(site: str, request_uris: list[str], server: Any, tmp_path: Path) -> Iterator[list[str]]:
    """What is asked of the fintech's site by anybody."""
    seen: list[str] = []

    async def connect() -> AsyncClient:
        return await AsyncClient.discover(
            server.issuer,
            client_id="test-client",
            auth=PrivateKeyJWT(server.client_key),
            redirect_uri=f"{site}/callback",
            profile="fapi1-baseline",
            sender_constraint=None,
            signed_requests=True,
            hosted_requests=request_uris,
            id_token_signed_response_alg="ES256",
            http=server.http(),
        )

    async def welcome(_request: Request, login: Any) -> PlainTextResponse:
        return PlainTextResponse(f"welcome {login.id_token.subject}")

    sign_in = SignIn(
        connect,
        redirect_uri=f"{site}/callback",
        seal=Seal([b"k" * 32]),
        on_login=welcome,
        request_object_path="/requests",
        scope="openid accounts",
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await sign_in.aclose()

    app = Starlette(routes=sign_in.routes(), lifespan=lifespan)

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.append(f"{scope['method']} {scope['path']}")

        async def send_and_close(message: Any) -> None:
            if (
                message["type"] == "http.response.start"
            ):  # the bank keeps no connection that would have to end first
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        await app(scope, receive, send_and_close)

    own = CA.issue_cert("localhost")
    own.private_key_and_cert_chain_pem.write_to_path(tmp_path / "site.pem")
    port = int(site.rpartition(":")[2])
    with uvicorn_at(noting, None, port=port, ssl_certfile=str(tmp_path / "site.pem")):
        yield seen


@pytest.fixture
def browser(site: str, fetched: list[str]) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cadata=CA.cert_pem.bytes().decode())
    with httpx.Client(base_url=site, verify=context, trust_env=False) as client:
        yield client


@pytest.mark.spec("FAPI1-ADV 5.2.3-2; RFC 9101 5.2")
def test_the_bank_fetches_the_request_from_the_fintech(
    browser: httpx.Client, server: Any, fetched: list[str], request_uris: list[str], site: str
) -> None:
    for _ in range(3):  # an address that was fetched from serves the next login
        start = browser.post("/login", headers={"origin": site})
        assert start.status_code == 303, start.text
        callback = server.browse(start.headers["location"])
        page = browser.get(callback)
        assert (page.status_code, page.text) == (200, "welcome alice")
    paths = {uri.removeprefix(site) for uri in request_uris}
    gets = [line.removeprefix("GET ") for line in fetched if line.startswith("GET /requests/")]
    assert len(gets) == 3
    assert set(gets) <= paths
    assert all(browser.get(path).status_code == 404 for path in paths)
    assert not [path for _, path in server.app.faults.calls if path.endswith("/par")]


def test_a_request_that_somebody_else_fetched_is_no_login(
    browser: httpx.Client, server: Any, fetched: list[str], site: str
) -> None:
    start = browser.post("/login", headers={"origin": site})
    address = httpx.URL(start.headers["location"]).params["request_uri"]
    assert browser.get(address.partition("#")[0]).status_code == 200
    with httpx.Client(verify=server.http().tls_context(), trust_env=False) as stranger:
        assert stranger.get(start.headers["location"]).status_code == 400
    assert any(line.startswith("GET /requests/") for line in fetched)
