"""A client with a self-signed certificate at an API on direct TLS: uvicorn and gunicorn, set up as the guide shows."""

from __future__ import annotations

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
from starlette.routing import Route

import asgi_mw
from asgi_mw.starlette import Access, token_of
from fapikit import ask_for_client_certificates, read_certificates, server_context
from rskit.testing import Mint
from tests.keys import b64
from tests.mothers.certificates import Made, a_certificate
from tests.rskit.live.running import Certificates, gunicorn_at, uvicorn_at
from tests.servers import free_port

REGISTERED = a_certificate(now=time.time())
STRANGER = a_certificate(now=time.time(), serial=9)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    made = Certificates(tmp_path_factory.mktemp("tls"))
    (made.directory / "clients.pem").write_text(Path(made.ca_file).read_text() + REGISTERED.pem)
    return made


@pytest.fixture(scope="module")
def mint() -> Mint:
    return Mint()


@Access("payments")
async def payments(request: Request) -> JSONResponse:
    return JSONResponse({"sub": token_of(request).subject})


@pytest.fixture(scope="module")
def under_uvicorn(certificates: Certificates, mint: Mint) -> Iterator[str]:
    def mutual_tls(_config: Any, _default: Any) -> ssl.SSLContext:
        context = server_context(certificates.certificate_file, certificates.key_file)
        ask_for_client_certificates(context, read_certificates(certificates.directory / "clients.pem"))
        return context

    server = mint.resource_server("https://api.example", profile="fapi2-security")
    app = asgi_mw.Protect(Starlette(routes=[Route("/payments", payments)]), server)
    with uvicorn_at(app, certificates, ssl_context_factory=mutual_tls) as base:
        yield base


@pytest.fixture(scope="module")
def under_gunicorn(certificates: Certificates, mint: Mint, tmp_path_factory: Any) -> Iterator[str]:
    port = free_port()
    environ = {
        "RESOURCE": f"https://127.0.0.1:{port}",
        "ISSUER": mint.url,
        "JWKS": json.dumps({"keys": [dict(mint.issuer_key.public_jwk)]}),
        "STORE": f"sqlite:///{tmp_path_factory.mktemp('store') / 'marks.db'}",
        "NONCE_KEY": secrets.token_hex(32),
        "CLIENT_CERTIFICATES": str(certificates.directory / "clients.pem"),
    }
    app, config = "tests.rskit.live.payments_app:app", "tests.rskit.live.gunicorn_mutual_tls"
    with gunicorn_at(app, certificates, environ, port=port, workers=1, config=config) as base:
        yield base


@pytest.fixture(params=["uvicorn", "gunicorn"])
def base(request: pytest.FixtureRequest, mint: Mint) -> str:
    base: str = request.getfixturevalue(f"under_{request.param}")
    mint.resource = "https://api.example" if request.param == "uvicorn" else base
    return base


def showing(made: Made, certificates: Certificates) -> ssl.SSLContext:
    context, file = certificates.nobody(), certificates.directory / f"{made.certificate.serial_number}.pem"
    file.write_text(made.pem + made.key_pem)
    context.load_cert_chain(file)
    return context


def a_bound_token(mint: Mint, der: bytes) -> str:
    return mint.token(scope="payments", cnf={"x5t#S256": b64(hashlib.sha256(der).digest())})


def get(base: str, context: ssl.SSLContext, token: str) -> httpx.Response:
    with httpx.Client(verify=context) as client:
        return client.get(f"{base}/payments", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.spec("RFC 8705 3b, 2.2")
def test_its_token_passes_over_its_certificate_alone(base: str, mint: Mint, certificates: Certificates):
    token = a_bound_token(mint, REGISTERED.der)
    assert get(base, showing(REGISTERED, certificates), token).json()["sub"] == "user"
    under_the_ca, _ = certificates.a_client("thief")
    for context in (under_the_ca, certificates.nobody()):
        answer = get(base, context, token)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


def test_a_client_under_the_authority_connects_beside_it(base: str, mint: Mint, certificates: Certificates):
    context, der = certificates.a_client("mine")
    assert get(base, context, a_bound_token(mint, der)).status_code == 200


def test_a_certificate_that_the_file_does_not_name_ends_the_handshake(
    base: str, mint: Mint, certificates: Certificates
):
    with pytest.raises(httpx.TransportError):
        get(base, showing(STRANGER, certificates), a_bound_token(mint, STRANGER.der))
