"""An API that is right yields no finding, whoever wrote it and however it is reached."""

from __future__ import annotations

import asyncio
from typing import Any

import flask
import httpx
import pytest
import werkzeug.test

import wsgi_mw
from rskit import Cors
from rskit.attacks import Headers, Reach, WsgiSender, afind_holes, find_holes
from rskit.testing import Mint
from rskit.testing.attacks.certificates import thumbprint_of
from tests.rskit.mothers import RESOURCE
from tests.rskit.testing.guarded import URL, Guarded
from tests.rskit.testing.planted.api import Api
from tests.rskit.testing.planted.holes_in_grants import SIGNED_IN, NeedsDetails, NeedsStepUp
from tests.rskit.testing.planted.holes_in_proof_times import DemandsNonces
from tests.rskit.testing.planted.planting import CERTIFICATE, DETAIL, scan
from wsgi_mw import flask as on_flask


@pytest.mark.parametrize("skin", ["asgi", "wsgi"])
@pytest.mark.parametrize(
    ("api", "settings"),
    [
        (Api, {}),
        (Api, {"bound": False}),
        (Api, {"alg": "PS256"}),
        (Api, {"certificate": CERTIFICATE}),
        (Api, {"certificate": CERTIFICATE, "bound": False}),
        (DemandsNonces, {}),
        (NeedsDetails, {"authorization_details": [DETAIL]}),
        (NeedsStepUp, SIGNED_IN),
    ],
)
def test_an_api_written_by_hand(api: type[Api], settings: dict[str, Any], skin: str):
    report = scan(api, skin=skin, **settings)
    assert report == [], report.text()


SKINS = pytest.mark.parametrize("skin", ["asgi", "wsgi"])


@SKINS
@pytest.mark.parametrize(
    ("bound", "settings"),
    [
        (False, {"profile": "oauth-2.1"}),
        (True, {"profile": "oauth-2.1"}),
        (True, {"profile": "oauth-2.1", "nonces": True}),
        (True, {"profile": "fapi2-security"}),
        (True, {"profile": "fapi2-security", "nonces": True}),
        (True, {"profile": "fapi2-message-signing"}),
        (True, {"profile": "fapi2-security", "cors": Cors(origins={"https://app.example"})}),
        (False, {"profile": "oauth-2.1", "opaque": True}),
        (True, {"profile": "fapi2-security", "opaque": True}),
        (True, {"profile": "fapi2-message-signing", "opaque": True, "nonces": True}),
    ],
    ids=str,
)
def test_an_api_behind_protect(skin: str, bound: bool, settings: dict[str, Any]):
    report = Guarded(skin, **settings).scan(bound=bound)
    assert report == [], report.text()


@SKINS
@pytest.mark.parametrize("profile", ["fapi1-advanced", "fapi2-security"])
def test_an_api_behind_protect_with_certificates(skin: str, profile: str):
    """A token bound to a certificate comes under Bearer (RFC 8705 3)."""
    bound_to = {"x5t#S256": thumbprint_of(CERTIFICATE)}
    report = Guarded(skin, profile=profile, certificate=CERTIFICATE).scan(bound=False, cnf=bound_to)
    assert report == [], report.text()


@pytest.mark.parametrize("bound", [True, False])
def test_the_client_of_starlette(bound: bool):
    guarded = Guarded("asgi", profile="oauth-2.1")

    async def send(method: str, url: str, headers: Headers) -> httpx.Response:
        transport = httpx.ASGITransport(app=guarded.send.app)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(method, url, headers=headers)

    report = asyncio.run(afind_holes(send, guarded.mint, "GET", URL, bound=bound, scope="accounts"))
    assert report == [], report.text()


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize("status_alone", [True, False])
def test_the_client_of_flask(bound: bool, status_alone: bool):
    guarded = Guarded("wsgi", profile="oauth-2.1")
    client = werkzeug.test.Client(guarded.send.app)

    def send(method: str, url: str, headers: Headers) -> Any:
        answer = client.open(url, method=method, headers=headers)
        return answer.status_code if status_alone else answer

    report = find_holes(send, guarded.mint, "GET", URL, bound=bound, scope="accounts")
    assert report == [], report.text()


def test_a_route_behind_protect_that_needs_a_sign_in_and_details():
    mint = Mint()
    server = mint.resource_server(RESOURCE, profile="fapi2-security")
    app = flask.Flask("bank")
    rule = on_flask.Access("payments", acr="gold", max_age=300, details=lambda _: DETAIL)
    app.add_url_rule("/payments", "payments", rule(lambda: {"status": "executed"}), methods=["POST"])
    report = find_holes(
        WsgiSender(wsgi_mw.Protect(app, server)),
        mint,
        "POST",
        f"{RESOURCE}/payments",
        reach=Reach(details=DETAIL),
        scope="payments",
        acr="gold",
        auth_time=mint.now() - 5,
        authorization_details=[{**DETAIL, "consent_id": "c1"}],
    )
    assert report == [], report.text()
    looked_for = {"authorization details", "how the user signed in", "which details are compared"}
    assert looked_for.isdisjoint(item.what for item in report.not_looked_at)
