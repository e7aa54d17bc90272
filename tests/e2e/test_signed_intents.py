"""Intents at a consent resource that takes signed requests only, and signs its answers: over sockets, in both skins."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import flask
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from werkzeug.serving import make_server

import asgi_mw
import rpkit
import wsgi_mw
from asgi_mw.starlette import Access as StarletteAccess
from askit import AuthorizationServer
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.running import running
from fapikit import PrivateKeyJWT
from fapikit.errors import PeerRefused, WrongDigest
from fapikit.errors import http_signature as errors
from rpkit import BerlinGroupConsent, Client, TokenSet
from rskit import HttpSignatures, Issuer, ResourceServer, SigningClient
from tests.e2e.test_http_signatures import API_KEY, CLIENT_KEY, JWKS, OTHER_KEY, Between, Quiet
from tests.rskit.live.running import uvicorn_at
from tests.servers import free_port
from wsgi_mw.flask import Access as FlaskAccess

CONSENTS = "/v1/consents"
CONSENT = BerlinGroupConsent(
    access={"balances": [{"iban": "DE40100100103307118608"}]},
    valid_until=dt.date(2030, 3, 1),
    frequency_per_day=4,
)


@dataclass
class Consents:
    """What the resource has. `calls`: the method and the fields of each request that got so far."""

    kept: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def lodge(self, body: bytes) -> dict[str, Any]:
        self.kept["c1"] = json.loads(body)
        return self.read()

    def read(self) -> dict[str, Any]:
        return {"consentId": "c1", "consentStatus": "received"}


def on_starlette(consents: Consents, server: ResourceServer) -> Any:
    @StarletteAccess("accounts", signed=True)
    async def consent(request: Request) -> Response:
        consents.calls.append((request.method, dict(request.headers)))
        if request.method == "POST":
            return JSONResponse(consents.lodge(await request.body()), 201)
        if request.method == "DELETE":
            consents.kept.clear()
            return Response(status_code=204)
        return JSONResponse(consents.read())

    routes = [
        Route(CONSENTS, consent, methods=["POST"]),
        Route(f"{CONSENTS}/c1", consent, methods=["GET", "DELETE"]),
    ]
    return asgi_mw.Protect(Starlette(routes=routes), server)


def on_flask(consents: Consents, server: ResourceServer) -> Any:
    app = flask.Flask("consents")

    @app.route(CONSENTS, methods=["POST"])
    @app.route(f"{CONSENTS}/c1", methods=["GET", "DELETE"])
    @FlaskAccess("accounts", signed=True)
    def consent() -> Any:
        consents.calls.append(
            (flask.request.method, {name.lower(): value for name, value in flask.request.headers})
        )
        if flask.request.method == "POST":
            return consents.lodge(flask.request.get_data()), 201
        if flask.request.method == "DELETE":
            consents.kept.clear()
            return "", 204
        return consents.read()

    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, server)  # type: ignore[method-assign]
    return app


@dataclass
class Lodging:
    """A client of the bank, with a token of its own, and the consent resource at `url`."""

    url: str
    client: Client
    own: TokenSet
    consents: Consents
    between: Between | None

    def how(self, **signing: Any) -> dict[str, Any]:
        given = {"signer": CLIENT_KEY, "jwks": JWKS, **signing}
        signatures = rpkit.HttpSignatures(**given)
        return {"tokens": self.own, "resource": self.url, "message_signing": signatures}

    def lodged(self, **signing: Any) -> Any:
        return self.client.lodge(CONSENT, url=f"{self.url}{CONSENTS}", **self.how(**signing))


@pytest.fixture(params=["uvicorn", "flask"])
def lodging(request: pytest.FixtureRequest, askit_hosts: Hosts) -> Iterator[Lodging]:
    yield from serving(request.param, askit_hosts)


@pytest.fixture
def with_somebody_between(askit_hosts: Hosts) -> Iterator[Lodging]:
    yield from serving("uvicorn", askit_hosts)


def serving(kind: str, askit_hosts: Hosts) -> Iterator[Lodging]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "resources": [{"uri": url, "scopes": ["accounts"]}],
        "authorization_details_types": [],
    }
    with ExitStack() as stack:
        bank = stack.enter_context(running(settings, kind=AuthorizationServer, hosts=askit_hosts))
        signing = SigningClient(jwks={"keys": [dict(CLIENT_KEY.public_jwk)]})
        server = ResourceServer(
            resource=url,
            issuers=[Issuer(bank.issuer)],
            profile="fapi2-security",
            http=bank.http(),
            message_signing=HttpSignatures(clients={bank.client_id: signing}, signer=API_KEY),
        )
        stack.callback(server.close)
        consents, between = Consents(), None
        if kind == "uvicorn":
            between = Between(on_starlette(consents, server))
            stack.enter_context(uvicorn_at(between, port=port))
        else:
            app = on_flask(consents, server)
            serves = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
            thread = threading.Thread(target=serves.serve_forever, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(serves.server_close)
            stack.callback(serves.shutdown)
        client = stack.enter_context(
            Client.discover(
                bank.issuer,
                client_id=bank.client_id,
                auth=PrivateKeyJWT(bank.client_key),
                redirect_uri=bank.redirect_uri,
                http=bank.http(),
            )
        )
        own = client.client_credentials(scope="accounts", resource=url)
        yield Lodging(url, client, own, consents, between)


@pytest.mark.spec("LODGING 1", "LODGING 5", "FAPI2-HS 1.1-1", "FAPI2-HS 1.2-2", "FAPI2-HS 2.2-2")
def test_an_intent_is_lodged_read_and_ended_with_signed_messages(lodging: Lodging) -> None:
    intent = lodging.lodged()
    assert (intent.intent_id, intent.state) == ("c1", "awaiting")
    assert lodging.consents.kept == {"c1": CONSENT.body()}
    assert lodging.client.read_intent(intent, **lodging.how()).state == "awaiting"
    lodging.client.end_intent(intent, **lodging.how())
    assert lodging.consents.kept == {}
    (post, lodged), (get, read), (delete, ended) = lodging.consents.calls
    assert (post, get, delete) == ("POST", "GET", "DELETE")
    assert '"content-digest"' in lodged["signature-input"]
    assert '"content-type"' in lodged["signature-input"]
    for fields in (lodged, read, ended):
        assert 'tag="fapi-2-request"' in fields["signature-input"]
        assert all(f'"{name}"' in fields["signature-input"] for name in ("@method", "@target-uri", "dpop"))


@pytest.mark.spec("FAPI2-HS 1.2-3")
@pytest.mark.parametrize(("signer", "says"), [(None, "signed requests only"), (OTHER_KEY, "key")])
def test_an_intent_that_its_client_did_not_sign_is_not_lodged(
    lodging: Lodging, signer: Any, says: str
) -> None:
    with pytest.raises(PeerRefused, match=says) as refused:
        lodging.lodged(signer=signer)
    assert (refused.value.status, refused.value.peer_code) == (401, "invalid_signature")
    assert ("HttpSignatures(signer=...)" in str(refused.value)) is (signer is None), "the hint to sign"
    assert lodging.consents.calls == []


@pytest.mark.spec("FAPI2-HS 2.2-1")
def test_an_answer_that_somebody_has_changed_names_no_intent(with_somebody_between: Lodging) -> None:
    lodging, between = with_somebody_between, with_somebody_between.between
    assert between is not None
    lodging.lodged()  # the nonce of the API is known from now on
    between.change = lambda _, sent: (sent[0], sent[1], sent[2].replace(b'"c1"', b'"c2"'))
    with pytest.raises(WrongDigest) as refused:
        lodging.lodged()
    assert getattr(refused.value.outcome, "status", None) == 201, "what was lodged is not lost"
    between.change = lambda _, sent: (sent[0], [("content-type", "application/json")], sent[2])
    with pytest.raises(WrongDigest):
        lodging.lodged()
    between.change = lambda _, sent: sent
    with pytest.raises(errors.UnknownSignatureKey):
        lodging.lodged(jwks={"keys": [dict(OTHER_KEY.public_jwk)]})
