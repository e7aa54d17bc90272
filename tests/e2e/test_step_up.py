"""An API demands a higher level, the fintech asks for it, the bank asks for the PIN: three parties over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from asgi_mw import Protect
from asgi_mw.starlette import Access, token_of
from fapikit import HttpSettings, PrivateKeyJWT
from fapikit.io.tls import client_context
from rpkit import Client
from rpkit.errors import StepUpRequired
from rskit import Issuer, ResourceServer
from tests.rskit.live.running import Certificates, uvicorn_at
from tests.servers import free_port

LOW, HIGH = "urn:bank:password", "urn:bank:pin"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def askit_settings(port: int) -> dict[str, Any]:
    return {
        "acr": [LOW, HIGH],
        "users": [{"username": "alice", "password": "wonderland", "pin": "1865"}],
        "resources": [{"uri": f"https://127.0.0.1:{port}/", "scopes": ["payments"]}],
        "authorization_details_types": [],
    }


@Access("payments", acr=HIGH)
async def pay(request: Any) -> JSONResponse:
    return JSONResponse({"paid_at": token_of(request).acr})


@pytest.fixture
def api_url(askit: Any, port: int, tmp_path: Path) -> Iterator[tuple[str, HttpSettings]]:
    """The API, and what trusts both it and the bank."""
    certificates, url = Certificates(tmp_path), f"https://127.0.0.1:{port}/"
    both = tmp_path / "both.pem"
    both.write_bytes(Path(certificates.ca_file).read_bytes() + askit.ca.read_bytes())
    server = ResourceServer(
        resource=url,
        issuers=[Issuer(askit.issuer)],
        profile="fapi2-security",
        nonces=False,
        http=askit.http(),
    )
    app = Protect(Starlette(routes=[Route("/pay", pay, methods=["POST"])]), server)
    with uvicorn_at(app, certificates, port=port):
        yield url, HttpSettings(tls=client_context(ca=both))


@pytest.mark.spec("RFC 9470 3", "RFC 9470 4", "RFC 9470 5", "RFC 9470 6")
def test_the_challenge_leads_to_the_higher_level(askit: Any, api_url: tuple[str, HttpSettings]) -> None:
    url, http = api_url
    with Client.discover(
        askit.issuer,
        client_id=askit.client_id,
        auth=PrivateKeyJWT(askit.client_key),
        redirect_uri=askit.redirect_uri,
        profile="fapi2-security",
        http=http,
    ) as client:
        asked: dict[str, Any] = {"scope": "openid payments", "resources": [url]}
        login = askit.signed_in(client, **asked)
        assert login.id_token.claims["acr"] == LOW
        with (
            client.api(login.tokens, base_url=url, resource=url) as api,
            pytest.raises(StepUpRequired) as caught,
        ):
            api.post("/pay")
        higher = askit.signed_in(client, pin="1865", **asked, **caught.value.parameters)
        assert higher.id_token.claims["acr"] == HIGH
        with client.api(higher.tokens, base_url=url, resource=url) as api:
            assert api.post("/pay").json() == {"paid_at": HIGH}
