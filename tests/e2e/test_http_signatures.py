"""Signed requests and answers over sockets: rpkit calls an API under uvicorn, and one of Flask. Both sides check."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import flask
import httpx
import pytest
from http_message_signatures import HTTPMessageSigner, algorithms
from http_message_signatures.resolvers import MappingKeyResolver
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from werkzeug.serving import WSGIRequestHandler, make_server

import asgi_mw
import rpkit
import wsgi_mw
from asgi_mw.starlette import Access as StarletteAccess
from asgi_mw.starlette import checked_request_of
from askit import AuthorizationServer
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.running import RunningServer, running
from fapikit import PrivateKeyJWT
from fapikit.errors import HttpSignatureError
from fapikit.errors import http_signature as errors
from rpkit import AsyncClient, Client, TokenSet
from rskit import HttpSignatures, Issuer, ResourceServer, SigningClient
from rskit.policy.body_budget import BodyBudget
from tests.keys import a_key
from tests.rskit.live.running import uvicorn_at
from tests.servers import free_port
from wsgi_mw.flask import Access as FlaskAccess
from wsgi_mw.flask import current_checked_request

CLIENT_KEY = a_key("ES256", 21)
API_KEY = a_key("ES256", 22)
OTHER_KEY = a_key("ES256", 23)
LIMIT = 2000
JWKS = {"keys": [dict(API_KEY.public_jwk)]}
Sent = tuple[int, list[tuple[str, str]], bytes]


class Between:
    """Somebody between the API and its client, who may `change` an answer."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.change: Callable[[Any, Sent], Sent] = lambda _, sent: sent

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        start: dict[str, Any] = {}

        async def changed(message: Any) -> None:
            if message["type"] != "http.response.body":
                start.update(message)
                return
            headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
            status, headers, body = self.change(scope, (start["status"], headers, message["body"]))
            headers = [(name, value) for name, value in headers if name != "content-length"]
            encoded = [(name.encode(), value.encode()) for name, value in headers]
            await send({**start, "status": status, "headers": encoded})
            await send({"type": "http.response.body", "body": body})

        if scope["type"] == "http":
            await self._app(scope, receive, changed)
        else:
            await self._app(scope, receive, send)


@dataclass
class Api:
    """A running API, the client of it, and what its routes have executed."""

    url: str
    client: Client
    tokens: TokenSet
    executed: list[Any]
    bank: RunningServer[AuthorizationServer]
    between: Between | None

    def calls(self, **settings: Any) -> Any:
        given = {"signer": CLIENT_KEY, "jwks": JWKS, **settings}
        given = {name: value for name, value in given.items() if value is not None}
        return self.client.api(
            self.tokens,
            base_url=self.url,
            resource=self.url,
            message_signing=rpkit.HttpSignatures(**given) if given else None,
        )


def starlette_api(executed: list[Any], server: ResourceServer) -> Any:
    @StarletteAccess("accounts", signed=True)
    async def pay(request: Request) -> Response:
        body = await request.body()
        executed.append(json.loads(body) if body else None)
        signature = checked_request_of(request).signature
        return JSONResponse({"keyid": signature.keyid})

    @StarletteAccess("accounts")
    async def read(request: Request) -> Response:
        executed.append("read")
        return (
            Response(status_code=204)
            if "nothing" in request.query_params
            else JSONResponse({"balance": "1.00"})
        )

    @StarletteAccess("accounts")
    async def long(request: Request) -> Response:
        executed.append("long")
        return StreamingResponse(iter([b"x" * 999] * 3))

    routes = [
        Route("/pay", pay, methods=["GET", "POST"]),
        Route("/read", read, methods=["GET", "POST"]),
        Route("/long", long),
    ]
    return asgi_mw.Protect(Starlette(routes=routes), server)


def flask_api(executed: list[Any], server: ResourceServer) -> Any:
    app = flask.Flask("api")

    @app.route("/pay", methods=["GET", "POST"])
    @FlaskAccess("accounts", signed=True)
    def pay() -> Any:
        executed.append(flask.request.get_json(silent=True))
        signature = current_checked_request().signature
        return {"keyid": signature.keyid}

    @app.route("/read", methods=["GET", "POST"])
    @FlaskAccess("accounts")
    def read() -> Any:
        executed.append("read")
        return ("", 204) if "nothing" in flask.request.args else {"balance": "1.00"}

    @app.get("/long")
    @FlaskAccess("accounts")
    def long() -> Any:
        executed.append("long")
        return flask.Response(iter([b"x" * 999] * 3))

    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, server)  # type: ignore[method-assign]
    return app


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        pass


Serve = Callable[..., Api]


@pytest.fixture(params=["uvicorn", "flask"])
def serve(request: pytest.FixtureRequest, askit_hosts: Hosts) -> Iterator[Serve]:
    yield from serving(request.param, askit_hosts)


@pytest.fixture
def between(askit_hosts: Hosts) -> Iterator[Serve]:
    """The same under uvicorn alone, with somebody between."""
    yield from serving("uvicorn", askit_hosts)


def serving(kind: str, askit_hosts: Hosts) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(**settings: Any) -> Api:
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            resources = {
                "resources": [{"uri": url, "scopes": ["accounts"]}],
                "authorization_details_types": [],
            }
            bank: RunningServer[AuthorizationServer] = stack.enter_context(
                running(resources, kind=AuthorizationServer, hosts=askit_hosts)
            )
            given: Mapping[str, Any] = {
                "clients": {bank.client_id: SigningClient(jwks={"keys": [dict(CLIENT_KEY.public_jwk)]})},
                "signer": API_KEY,
                "body": BodyBudget(octets=LIMIT),
                **settings,
            }
            server = ResourceServer(
                resource=url,
                issuers=[Issuer(bank.issuer)],
                profile="fapi2-security",
                http=bank.http(),
                message_signing=HttpSignatures(**{k: v for k, v in given.items() if v is not None}),
            )
            stack.callback(server.close)
            executed: list[Any] = []
            between = None
            if kind == "uvicorn":
                between = Between(starlette_api(executed, server))
                stack.enter_context(uvicorn_at(between, port=port))
            else:
                app = flask_api(executed, server)
                running_server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
                thread = threading.Thread(target=running_server.serve_forever, daemon=True)
                thread.start()
                stack.callback(thread.join, 10)
                stack.callback(running_server.server_close)
                stack.callback(running_server.shutdown)
            client = stack.enter_context(
                Client.discover(
                    bank.issuer,
                    client_id=bank.client_id,
                    auth=PrivateKeyJWT(bank.client_key),
                    redirect_uri=bank.redirect_uri,
                    http=bank.http(),
                )
            )
            login = bank.signed_in(client, scope="openid accounts", resources=[url], resource=url)
            return Api(url, client, login.tokens, executed, bank, between)

        yield start


@pytest.mark.spec("FAPI2-HS 1.1-1", "FAPI2-HS 1.2-2", "FAPI2-HS 2.1-1", "FAPI2-HS 2.2-2")
def test_requests_and_answers_are_signed_and_checked(serve: Serve) -> None:
    api = serve()
    with api.calls() as calls:
        answer = calls.post("/pay?x=%2F", json={"amount": "1.00"})
        assert (answer.status_code, answer.json()) == (200, {"keyid": CLIENT_KEY.kid})
        assert calls.get("/read").json() == {"balance": "1.00"}
        assert calls.get("/read?nothing").status_code == 204
        assert calls.head("/read").status_code == 200
    assert api.executed == [{"amount": "1.00"}, "read", "read", "read"]
    assert '"content-digest";req' in answer.headers["signature-input"]


@pytest.mark.spec("FAPI2-HS 1.2-3")
def test_a_request_without_signature_executes_nothing(serve: Serve) -> None:
    api = serve()
    with api.calls(signer=None, jwks=None) as calls:
        answer = calls.post("/read", json={"amount": "1.00"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_signature")
    assert api.executed == []


def header(name: str, edit: Callable[[str], str | None]) -> Callable[[Any, Sent], Sent]:
    def change(_: Any, sent: Sent) -> Sent:
        status, headers, body = sent
        edited = [(each, edit(value) if each == name else value) for each, value in headers]
        return status, [(each, value) for each, value in edited if value is not None], body

    return change


def signed_anew(*components: str, key: Any = API_KEY, body: bytes | None = None, **settings: Any) -> Any:
    """What the API might have signed, made by another library. Times are seconds before the answer."""

    def change(scope: Any, sent: Sent) -> Sent:
        status, headers, content = sent
        content = content if body is None else body
        left = {name: value for name, value in headers if name not in ("signature", "signature-input")}
        asked = httpx.Headers(scope["headers"])
        url = f"http://{asked['host']}{scope['path']}"
        request = SimpleNamespace(method=scope["method"], url=url, headers=asked)
        response = SimpleNamespace(status_code=status, headers=left, request=request)
        keys = MappingKeyResolver(public_keys={}, private_keys={key.kid: key._material})
        signer = HTTPMessageSigner(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=keys)
        times = {name: ago(age) for name, age in settings.items() if name in ("created", "expires")}
        given = {"key_id": key.kid, "tag": "fapi-2-response", "include_alg": False, **settings, **times}
        signer.sign(response, covered_component_ids=components, use_existing_digest=True, **given)
        return status, list(left.items()), content

    return change


BOUND = [
    '"@method";req',
    '"@target-uri";req',
    '"content-digest";req',
    '"signature";req',
    '"signature-input";req',
]
WHOLE = ["@status", "content-digest", *BOUND]


def but(name: str) -> list[str]:
    return [each for each in WHOLE if each != name]


def ago(seconds: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds)


def of_another_request() -> Any:
    """The second request gets the answer to the first."""
    kept: list[Sent] = []

    def change(_: Any, sent: Sent) -> Sent:
        kept.append(sent)
        return kept[0]

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(signed_anew(*WHOLE), id="by another library"),
        pytest.param(
            signed_anew(
                *[each.replace('"signature";req', '"signature";req;key="request"') for each in WHOLE]
            ),
            id="covers the member of our label alone",
        ),
        pytest.param(signed_anew(*WHOLE, "content-type", '"@authority";req', expires=-60), id="covers more"),
    ],
)
def test_an_answer_that_another_library_signed_is_taken(between: Serve, change: Any) -> None:
    api = between()
    assert api.between is not None
    with api.calls() as calls:
        calls.get("/read")  # the API's DPoP nonce is known from now on
        api.between.change = change
        assert calls.post("/pay", json={}).json() == {"keyid": CLIENT_KEY.kid}


@pytest.mark.spec(
    "FAPI2-HS 2.2-1", "FAPI2-HS 2.2-3", "FAPI2-HS 2.2-4", "FAPI2-HS 2.2-5", "RFC 9421 2.4", "RFC 9421 7.2.6"
)
@pytest.mark.parametrize(
    "change, error, names",
    [
        pytest.param(lambda _, s: (s[0], s[1], b"{}"), errors.WrongDigest, "sha-256", id="another body"),
        pytest.param(lambda _, s: (s[0], s[1], b""), errors.WrongDigest, "sha-256", id="no body"),
        pytest.param(header("content-digest", lambda _: None), errors.WrongDigest, "content-digest", id="no digest"),
        pytest.param(lambda _, s: (201, s[1], s[2]), errors.WrongSignature, "response", id="another status"),
        pytest.param(lambda _, s: (502, [], b"<html>"), errors.WrongDigest, "content-digest", id="a gateway answers"),
        pytest.param(lambda _, s: (502, [], b""), errors.MissingHttpSignature, "fapi-2-response", id="a gateway, bare"),
        pytest.param(header("signature", lambda _: None), errors.MalformedSignature, "signature", id="no signature"),
        pytest.param(signed_anew(*WHOLE, tag="other"), errors.MissingHttpSignature, "fapi-2-response", id="tag"),
        pytest.param(signed_anew(*WHOLE, created=62), errors.StaleSignature, "created", id="old"),
        pytest.param(signed_anew(*WHOLE, created=-40), errors.StaleSignature, "created", id="future"),
        pytest.param(signed_anew(*WHOLE, key=CLIENT_KEY), errors.UnknownSignatureKey, CLIENT_KEY.kid, id="our own key"),
        pytest.param(signed_anew(*WHOLE, key=OTHER_KEY), errors.UnknownSignatureKey, OTHER_KEY.kid, id="another key"),
        *(
            pytest.param(
                signed_anew(*but(name)), errors.UncoveredComponent, name.partition(";")[0].strip('"'), id=f"no {name}"
            )
            for name in WHOLE
        ),
        pytest.param(of_another_request(), errors.WrongSignature, "response", id="the answer to another request"),
    ],
)  # fmt: skip
def test_an_answer_is_refused_by_name_and_not_lost(
    between: Serve, change: Any, error: type[HttpSignatureError], names: str
) -> None:
    api = between()
    assert api.between is not None
    with api.calls() as calls:
        calls.get("/read")
        if "of_another_request" in change.__qualname__:
            api.between.change = change
            calls.post("/pay", json={"amount": "1.00"})
        api.between.change = change
        before = len(api.executed)
        with pytest.raises(error) as caught:
            calls.post("/pay", json={"amount": "1.00"})
    assert len(api.executed) == before + 1, "it was executed once"
    assert isinstance(caught.value.outcome, httpx.Response)
    assert names in " ".join(caught.value.facts.values()), caught.value.facts
    assert caught.value.clause.startswith(("RFC 9421", "RFC 9530"))
    assert "may have been executed" in "".join(caught.value.__notes__)


def test_the_async_client_does_the_same(between: Serve) -> None:
    api = between()
    asyncio.run(call_from_a_loop(api))


async def call_from_a_loop(api: Api) -> None:
    settings = rpkit.HttpSignatures(signer=CLIENT_KEY, jwks=JWKS)
    async with (
        await AsyncClient.discover(
            api.bank.issuer,
            client_id=api.bank.client_id,
            auth=PrivateKeyJWT(api.bank.client_key),
            redirect_uri=api.bank.redirect_uri,
            http=api.bank.http(),
        ) as client,
        client.api(api.tokens, base_url=api.url, resource=api.url, message_signing=settings) as calls,
    ):
        assert (await calls.post("/pay", json={})).json() == {"keyid": CLIENT_KEY.kid}
        assert (await calls.get("/pay")).json() == {"keyid": CLIENT_KEY.kid}
        cast(Between, api.between).change = lambda _, sent: (sent[0], sent[1], b"{}")
        with pytest.raises(errors.WrongDigest) as caught:
            await calls.post("/pay", json={})
    assert isinstance(caught.value.outcome, httpx.Response)
    assert len(api.executed) == 3
