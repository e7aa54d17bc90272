"""One API that takes signed requests, in each framework over a socket, and requests signed by another library."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import flask
import httpx
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path as django_path
from http_message_signatures import ContentDigest, HTTPMessageSigner, algorithms
from http_message_signatures.resolvers import MappingKeyResolver
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from werkzeug.serving import WSGIRequestHandler, make_server

import asgi_mw
import wsgi_mw
from asgi_mw import starlette as on_starlette
from fapikit import PrivateKey
from rskit import ResourceServer, SigningClient
from tests.clocks import NOW
from tests.keys import a_key
from tests.rskit.django_project import SERVERS, configure
from tests.rskit.live.running import uvicorn_at
from tests.rskit.mothers import RESOURCE
from wsgi_mw import django as on_django
from wsgi_mw import flask as on_flask

configure()

KEY = a_key("ES256", 31)
OTHER_KEY = a_key("ES256", 32)
API_KEY = a_key("ES256", 33)
BODY = b'{"amount":"1.00"}'
EXECUTED: list[bytes] = []
SKINS = ("starlette", "flask", "django", "django async")
BIG = b"x" * 3000


def _run(body: bytes) -> bytes:
    EXECUTED.append(body)
    return body or b"nothing"


def _headers(body: bytes) -> dict[str, str]:
    return {"content-type": "text/plain", "content-length": str(len(body))}


def starlette_app(server: ResourceServer) -> Any:
    @on_starlette.Access("accounts")
    async def pay(request: Request) -> Response:
        return Response(_run(await request.body()), media_type="text/plain")

    @on_starlette.Access("accounts", signed=True)
    async def strict(request: Request) -> Response:
        return Response(_run(await request.body()), media_type="text/plain")

    @on_starlette.Access("accounts")
    async def big(_: Request) -> Response:
        return Response(BIG, media_type="text/plain")

    @on_starlette.Access("accounts")
    async def stream(_: Request) -> Response:
        return StreamingResponse(iter([b"one ", b"two"]), media_type="text/plain")

    @on_starlette.Access("accounts")
    async def nothing(_: Request) -> Response:
        return Response(status_code=204)

    routes = [
        Route(f"/{each.__name__}", each, methods=["GET", "POST", "PUT"])
        for each in (pay, strict, big, stream, nothing)
    ]
    return asgi_mw.Protect(Starlette(routes=routes), server)


def flask_app(server: ResourceServer) -> Any:
    app = flask.Flask("api")

    @on_flask.Access("accounts")
    def pay() -> Any:
        return flask.Response(_run(flask.request.get_data()), mimetype="text/plain")

    @on_flask.Access("accounts", signed=True)
    def strict() -> Any:
        return flask.Response(_run(flask.request.get_data()), mimetype="text/plain")

    @on_flask.Access("accounts")
    def big() -> Any:
        return flask.Response(BIG, mimetype="text/plain")

    @on_flask.Access("accounts")
    def stream() -> Any:
        return flask.Response(iter([b"one ", b"two"]), mimetype="text/plain")

    @on_flask.Access("accounts")
    def nothing() -> Any:
        return "", 204

    for view in (pay, strict, big, stream, nothing):
        app.add_url_rule(f"/{view.__name__}", view_func=view, methods=["GET", "POST", "PUT"])
    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, server)  # type: ignore[method-assign]
    return app


@on_django.Access("accounts")
def _pay(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_run(request.body), content_type="text/plain")


@on_django.Access("accounts", signed=True)
def _strict(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_run(request.body), content_type="text/plain")


@on_django.Access("accounts")
def _big(request: HttpRequest) -> HttpResponse:
    return StreamingHttpResponse(_parts(request, BIG), headers=_headers(BIG))


@on_django.Access("accounts")
def _stream(request: HttpRequest) -> HttpResponse:
    return StreamingHttpResponse(_parts(request, b"one ", b"two"), content_type="text/plain")


def _parts(request: HttpRequest, *chunks: bytes) -> Any:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return arriving() if hasattr(request, "scope") else iter(chunks)


@on_django.Access("accounts")
def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


urlpatterns = [
    django_path("pay", _pay),
    django_path("strict", _strict),
    django_path("big", _big),
    django_path("stream", _stream),
    django_path("nothing", _nothing),
]


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        pass


class _LivingHandler(ASGIHandler):  # type: ignore[misc] # Django has no types
    """Django's own answers no lifespan messages."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await super().__call__(scope, receive, send)
            return
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})


@contextmanager
def wsgi_at(app: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


@contextmanager
def serving(skin: str, server: ResourceServer) -> Iterator[str]:
    """The base URL of the API in this framework."""
    EXECUTED.clear()
    if skin == "starlette":
        with uvicorn_at(starlette_app(server)) as base:
            yield base
    elif skin == "flask":
        with wsgi_at(flask_app(server)) as base:
            yield base
    else:
        SERVERS[:] = [server]
        with override_settings(ROOT_URLCONF=__name__):
            if skin == "django":
                with wsgi_at(WSGIHandler()) as base:
                    yield base
            else:
                with uvicorn_at(_LivingHandler()) as base:
                    yield base


class _AnyDigest(ContentDigest):
    """The library would sign no digest that is wrong."""

    @classmethod
    def prepare(cls, headers: Any, body: Any, *, use_existing_digest: bool) -> None:
        pass


class _Signer(HTTPMessageSigner):
    content_digest_class = _AnyDigest


def a_client(key: PrivateKey) -> SigningClient:
    return SigningClient(jwks={"keys": [dict(key.public_jwk)]})


def digest_of(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


class Signed:
    """A request, signed by another library. `change` what is signed, `edit` what is sent."""

    def __init__(
        self, token: str, *, method: str = "POST", target: str = "/pay?x=1", body: bytes = BODY
    ) -> None:
        self.method, self.target, self.body = method, target, body
        self.headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self.components: list[str] = ["@method", "@target-uri", "authorization"]
        if body:
            self.components.append("content-digest")
        self.settings: dict[str, Any] = {
            "created": at(NOW),
            "key_id": KEY.kid,
            "tag": "fapi-2-request",
            "label": "sig1",
            "include_alg": False,
        }
        self.key = KEY
        self.url = RESOURCE + target

    def sign(self) -> Signed:
        if "content-digest" in self.components:
            self.headers.setdefault("content-digest", digest_of(self.body))
        keys = MappingKeyResolver(public_keys={}, private_keys={self.settings["key_id"]: self.key._material})
        signer = _Signer(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=keys)
        signer.sign(
            self,
            covered_component_ids=self.components,
            append_if_signature_exists=True,
            **self.settings,
        )
        return self

    def send(self, base: str) -> httpx.Response:
        headers = list(self.headers.items())
        with httpx.Client(trust_env=False) as client:
            return client.request(self.method, base + self.target, headers=headers, content=self.body)


def at(moment: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment, dt.UTC)


def without(components: Sequence[str], name: str) -> list[str]:
    return [each for each in components if each != name]
