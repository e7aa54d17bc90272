"""Certificate-bound tokens over real TLS: uvicorn with our protocol classes, gunicorn with its socket."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

import asgi_mw
from asgi_mw.starlette import Access, public, token_of
from rskit.testing import Mint
from tests.keys import b64
from tests.rskit.live.running import Certificates, gunicorn_at, uvicorn_at
from tests.servers import free_port


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def mint() -> Mint:
    return Mint()


def thumbprint(der: bytes) -> str:
    return b64(hashlib.sha256(der).digest())


@public()
async def health(request: Request) -> JSONResponse:
    return JSONResponse({"up": True})


@Access("payments")
async def payments(request: Request) -> JSONResponse:
    return JSONResponse({"sub": token_of(request).subject})


@Access("feed")
async def feed(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


@pytest.fixture(scope="module")
def under_uvicorn(certificates: Certificates, mint: Mint) -> Iterator[str]:
    routes = [Route("/health", health), Route("/payments", payments), WebSocketRoute("/feed", feed)]
    server = mint.resource_server("https://api.example", profile="fapi2-security")
    with uvicorn_at(asgi_mw.Protect(Starlette(routes=routes), server), certificates) as base:
        yield base


@pytest.fixture(scope="module")
def under_gunicorn(certificates: Certificates, mint: Mint, tmp_path_factory: Any) -> Iterator[str]:
    port = free_port()
    store: Path = tmp_path_factory.mktemp("store") / "marks.db"
    environ = {
        "RESOURCE": f"https://127.0.0.1:{port}",
        "ISSUER": mint.url,
        "JWKS": json.dumps({"keys": [dict(mint.issuer_key.public_jwk)]}),
        "STORE": f"sqlite:///{store}",
        "NONCE_KEY": secrets.token_hex(32),
    }
    with gunicorn_at("tests.rskit.live.payments_app:app", certificates, environ, port=port) as base:
        yield base


@pytest.fixture(params=["uvicorn", "gunicorn"])
def base(request: pytest.FixtureRequest, mint: Mint) -> str:
    base: str = request.getfixturevalue(f"under_{request.param}")
    mint.resource = "https://api.example" if request.param == "uvicorn" else base
    return base


def get(base: str, context: ssl.SSLContext, token: str) -> httpx.Response:
    with httpx.Client(verify=context) as client:
        return client.get(f"{base}/payments", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.spec("RFC 8705 3b")
def test_a_bound_token_passes_with_its_certificate_alone(base: str, mint: Mint, certificates: Certificates):
    mine, my_der = certificates.a_client("mine")
    thief, _ = certificates.a_client("thief")
    token = mint.token(scope="payments", cnf={"x5t#S256": thumbprint(my_der)})
    assert get(base, mine, token).json()["sub"] == "user"
    for context in (thief, certificates.nobody()):
        answer = get(base, context, token)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert "another certificate" in get(base, thief, token).headers["www-authenticate"]


@pytest.mark.spec("RFC 8705 3b")
def test_a_websocket_is_bound_to_its_connection_s_certificate(
    under_uvicorn: str, mint: Mint, certificates: Certificates
):
    mint.resource = "https://api.example"
    mine, my_der = certificates.a_client("mine")
    thief, _ = certificates.a_client("thief")
    headers = {"Authorization": f"Bearer {mint.token(scope='feed', cnf={'x5t#S256': thumbprint(my_der)})}"}
    url = under_uvicorn.replace("https", "wss") + "/feed"

    async def first_word(context: ssl.SSLContext) -> object:
        async with asyncio.timeout(20), connect(url, ssl=context, additional_headers=headers) as websocket:
            return await websocket.recv()

    assert asyncio.run(first_word(mine)) == "hello"
    with pytest.raises(InvalidStatus) as caught:
        asyncio.run(first_word(thief))
    assert caught.value.response.status_code == 401


@pytest.mark.spec("RFC 9449 11.1b")
def test_a_replayed_proof_is_refused_by_every_worker(
    under_gunicorn: str, mint: Mint, certificates: Certificates
):
    mint.resource = under_gunicorn
    url, token = f"{under_gunicorn}/payments", mint.token(scope="payments")
    with httpx.Client(verify=certificates.nobody()) as client:
        nonce = client.get(url, headers=mint.headers("GET", url, token=token)).headers["dpop-nonce"]
        headers = mint.headers("GET", url, token=token, nonce=nonce)
        assert client.get(url, headers=headers).status_code == 200
    for _ in range(6):  # connections of their own reach both workers
        answer = httpx.get(url, headers=headers, verify=certificates.nobody())
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_dpop_proof")


@pytest.mark.spec("RFC 9449 8.2")
def test_all_workers_take_one_another_s_nonces(under_gunicorn: str, mint: Mint, certificates: Certificates):
    mint.resource = under_gunicorn
    url = f"{under_gunicorn}/payments"
    context = certificates.nobody()
    nonce = httpx.get(url, headers=mint.headers("GET", url), verify=context).headers["dpop-nonce"]
    pids = set()
    give_up = time.monotonic() + 15
    while len(pids) < 2 and time.monotonic() < give_up:
        headers = mint.headers("GET", url, scope="payments", nonce=nonce)
        answer = httpx.get(url, headers=headers, verify=context)
        assert answer.status_code == 200
        pids.add(answer.json()["pid"])
    assert len(pids) == 2
