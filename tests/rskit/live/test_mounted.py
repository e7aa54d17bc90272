"""APIs below a path of their server: `root_path` of a real uvicorn, a mount of Starlette, `SCRIPT_NAME`."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from werkzeug.test import Client

import asgi_mw
import wsgi_mw
from asgi_mw.starlette import token_of
from rskit.testing import Mint
from tests.rskit.live.running import uvicorn_at
from tests.rskit.mothers import a_server
from tests.rskit.skins import flask_app

WELL_KNOWN = "/.well-known/oauth-protected-resource"


async def accounts(request: Request) -> JSONResponse:
    return JSONResponse(token_of(request).subject)


@pytest.mark.spec("RFC 9449 4.3-9")
@pytest.mark.parametrize(
    ("mounted", "settings", "stripped"),
    [(False, {"root_path": "/bank"}, True), (True, {}, False)],
    ids=["a proxy strips what root_path says", "a mount"],
)
def test_the_public_url_counts_and_the_document_is_served(
    mounted: bool, settings: dict[str, str], stripped: bool
):
    mint = Mint()
    protected = asgi_mw.Protect(
        Starlette(routes=[Route("/accounts", accounts)]), mint.resource_server("https://api.example")
    )
    app = Starlette(routes=[Mount("/bank", app=protected)]) if mounted else protected
    public = "https://api.example/bank/accounts"
    with uvicorn_at(app, None, **settings) as base, httpx.Client(base_url=base) as client:
        before = "" if stripped else "/bank"
        headers = mint.headers("GET", public)
        assert client.get(f"{before}/accounts", headers=headers).status_code == 200
        headers = mint.headers("GET", "https://api.example/accounts")
        assert client.get(f"{before}/accounts", headers=headers).status_code == 401
        document = client.get(f"{before}{WELL_KNOWN}")
        assert (document.status_code, document.json()["resource"]) == (200, "https://api.example")
        assert client.get(f"{before}/other{WELL_KNOWN}").status_code == 401


@pytest.mark.parametrize(
    ("path", "script_name", "status"),
    [
        (WELL_KNOWN, "", 200),
        (f"/bank{WELL_KNOWN}", "/bank", 200),
        (f"/bank{WELL_KNOWN}", "", 401),
        (f"/other/bank{WELL_KNOWN}", "/bank", 401),
    ],
)
def test_under_wsgi_the_document_is_served_below_script_name(path: str, script_name: str, status: int):
    app = wsgi_mw.Protect(flask_app({}).wsgi_app, a_server())
    environ = {"RAW_URI": path, "REQUEST_URI": path, "SCRIPT_NAME": script_name}
    assert Client(app).get(path.removeprefix(script_name), environ_overrides=environ).status_code == status
