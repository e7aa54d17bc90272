"""The programs in docs/consents.md, as they stand, at a bank with the settings in docs/consents.md."""

from __future__ import annotations

import datetime as dt
import tomllib
from typing import Any

import flask
import httpx
import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.running import running
from fapikit import PrivateKeyJWT
from rpkit import Client, UkAccountAccess
from rskit import DetailsType, Introspection, Issuer, ResourceServer
from tests.pages.blocks import read_page
from wsgi_mw import Protect
from wsgi_mw.flask import Access, current_token

GUIDE = read_page("docs/consents.md")
API = "https://api.example.test/accounts"


def test_an_intent_is_lodged_agreed_to_used_and_ended(capsys: pytest.CaptureFixture[str]) -> None:
    asking, ending, protecting = GUIDE.in_language("python")
    apis = [
        {
            "uri": f"https://api.example.test/{name}",
            "scopes": [name],
            "token_format": "opaque",
            "introspection_clients": ["test-api"],
        }
        for name in ("accounts", "payments")
    ]
    settings = {**tomllib.loads(*GUIDE.in_language("toml")), "resources": apis}
    with running(settings, kind=AuthorizationServer) as server:
        app = flask.Flask("api")
        api: dict[str, Any] = {
            "app": app,
            "Access": Access,
            "DetailsType": DetailsType,
            "current_token": current_token,
        }
        exec(protecting, api)
        issuer = Issuer(server.issuer, introspection=Introspection("test-api", PrivateKeyJWT(server.api_key)))
        protection = ResourceServer(
            resource=API, issuers=[issuer], profile="fapi2-security", http=server.http()
        )
        app.wsgi_app = Protect(app.wsgi_app, protection)  # type: ignore[method-assign]
        bank = Client.discover(
            server.issuer,
            client_id=server.client_id,
            auth=PrivateKeyJWT(server.client_key),
            redirect_uri=server.redirect_uri,
            http=server.http(),
            signed_requests=True,
        )
        names: dict[str, Any] = {
            "bank": bank,
            "API": API,
            "CONSENTS": f"{server.issuer}/open-banking/v4.0/aisp/account-access-consents",
            "UkAccountAccess": UkAccountAccess,
            "in_90_days": dt.datetime.now(dt.UTC) + dt.timedelta(days=90),
        }
        exec(asking, names)
        login = bank.complete(server.browse(names["start"].url), names["start"].transaction)
        transport = httpx.WSGITransport(app=app)
        with bank.api(login.tokens, base_url=API, resource=API, transport=transport) as client:
            assert client.get("https://api.example.test/balances").json() == {"balances_of": "alice"}
        exec(ending, names)
        assert capsys.readouterr().out == "authorised AUTH\n"
        protection.close()
        bank.close()
