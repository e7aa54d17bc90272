"""What a middleware adds to a request in process, a token seen before; beside what others add to the same app.

Everybody checks the same scope. The peers have their best form: their keys are made once. They keep no token cache, so
each verifies its JWT anew: that is what they do out of the box.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import fastapi
import flask
import jwt as pyjwt
from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from fastapi.security import HTTPBearer
from joserfc.jwk import KeySet as AuthlibKeys
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import asgi_mw
import wsgi_mw
from asgi_mw.starlette import Access
from benchmarks.rounds import Contender, Effort, Result, added, interleaved, pooled, time_rounds
from benchmarks.tokens import ISSUER, RESOURCE, a_server, a_token
from fapikit import PrivateKey
from wsgi_mw.flask import Access as FlaskAccess

CALLS = 150
SCOPE = "accounts"
App = Callable[[Any, Any, Any], Awaitable[None]]


async def accounts(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


class Empty(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Any) -> Any:
        return await call_next(request)


def decoder(key: PrivateKey) -> Callable[[str], dict[str, Any]]:
    material, algorithms = key.public_key.material, [key.alg]

    def decode(token: str) -> dict[str, Any]:
        claims: dict[str, Any] = pyjwt.decode(token, material, algorithms, audience=RESOURCE, issuer=ISSUER)
        return claims

    return decode


def fastapi_with_pyjwt(key: PrivateKey) -> App:
    app = fastapi.FastAPI(openapi_url=None)
    scheme, decode = HTTPBearer(), decoder(key)

    async def claims_of(credentials: Any = fastapi.Depends(scheme)) -> dict[str, Any]:  # noqa: B008
        claims = decode(credentials.credentials)
        if SCOPE not in claims["scope"].split():
            raise fastapi.HTTPException(403)
        return claims

    @app.get("/accounts", response_class=PlainTextResponse)
    async def endpoint(_claims: Any = fastapi.Depends(claims_of)) -> str:  # noqa: B008
        return "ok"

    return app


def plain_fastapi() -> App:
    app = fastapi.FastAPI(openapi_url=None)

    @app.get("/accounts", response_class=PlainTextResponse)
    async def endpoint() -> str:
        return "ok"

    return app


class Verifier:
    def __init__(self, key: PrivateKey) -> None:
        self._decode = decoder(key)

    async def verify_token(self, token: str) -> AccessToken | None:
        claims = self._decode(token)
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims["scope"].split(),
            expires_at=claims["exp"],
        )


def mcp_sdk(key: PrivateKey) -> App:
    guarded = RequireAuthMiddleware(Starlette(routes=[Route("/accounts", accounts)]), [SCOPE])
    return Starlette(
        routes=[Route("/accounts", guarded)],
        middleware=[Middleware(AuthenticationMiddleware, backend=BearerAuthBackend(Verifier(key)))],
    )


def asgi_scope(token: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "server": ("api.example", 443),
        "client": ("192.0.2.1", 40000),
        "root_path": "",
        "path": "/accounts",
        "raw_path": b"/accounts",
        "query_string": b"",
        "headers": [(b"host", b"api.example"), (b"authorization", f"Bearer {token}".encode())],
    }


async def call_asgi(app: App, token: str, calls: int) -> float:
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scopes = [asgi_scope(token) for _ in range(calls)]
    began = time.process_time_ns()
    for scope in scopes:
        await app(scope, receive, send)
    spent = (time.process_time_ns() - began) / calls / 1000
    if statuses != [200] * calls:
        raise AssertionError(statuses)
    return spent


def asgi_apps(key: PrivateKey) -> dict[str, App]:
    return {
        "plain": Starlette(routes=[Route("/accounts", accounts)]),
        "plain FastAPI": plain_fastapi(),
        "Protect": asgi_mw.Protect(Starlette(routes=[Route("/accounts", accounts)]), a_server(key)),
        "Protect and Access": asgi_mw.Protect(
            Starlette(routes=[Route("/accounts", Access(SCOPE)(accounts))]), a_server(key)
        ),
        "FastAPI + PyJWT": fastapi_with_pyjwt(key),
        "empty BaseHTTPMiddleware": Starlette(
            routes=[Route("/accounts", accounts)], middleware=[Middleware(Empty)]
        ),
        "MCP SDK + PyJWT": mcp_sdk(key),
    }


def time_asgi(rounds: int) -> dict[str, list[float]]:
    key = PrivateKey.generate("ES256", kid="k1")
    apps, token = asgi_apps(key), a_token(key)

    async def measure() -> dict[str, list[float]]:
        times: dict[str, list[float]] = {name: [] for name in apps}
        for name in interleaved(apps, rounds):
            times[name].append(await call_asgi(apps[name], token, CALLS))
        return times

    return asyncio.run(measure())


def measure_asgi(effort: Effort) -> Iterator[Result]:
    times = pooled(partial(time_asgi, effort.rounds), effort.passes)
    peers = {
        "FastAPI + PyJWT": added(times, "FastAPI + PyJWT", "plain FastAPI"),
        "empty BaseHTTPMiddleware": added(times, "empty BaseHTTPMiddleware", "plain"),
        "MCP SDK + PyJWT": added(times, "MCP SDK + PyJWT", "plain"),
    }
    yield Result("asgi_mw on Starlette", "added, warm, us", added(times, "Protect", "plain"), 10.0)
    ours = added(times, "Protect and Access", "plain")
    yield Result("asgi_mw on Starlette", "added, warm, with the check of a scope, us", ours, 15.0, peers)


def flask_app(view: Callable[[], str] = lambda: "ok") -> flask.Flask:
    app = flask.Flask("api")
    app.add_url_rule("/accounts", view_func=view, endpoint="accounts")
    return app


def flask_with_authlib(key: PrivateKey) -> flask.Flask:
    keys = AuthlibKeys.import_key_set({"keys": [dict(key.public_jwk)]})

    class Validator(JWTBearerTokenValidator):  # type: ignore[misc]
        def get_jwks(self) -> Any:
            return keys

    protector = ResourceProtector()
    protector.register_token_validator(Validator(issuer=ISSUER, resource_server=RESOURCE))
    app = flask.Flask("api")
    app.add_url_rule("/accounts", view_func=protector(SCOPE)(lambda: "ok"), endpoint="accounts")
    return app


def flask_apps(key: PrivateKey) -> dict[str, flask.Flask]:
    alone, protected = flask_app(), flask_app(FlaskAccess(SCOPE)(lambda: "ok"))
    for app in (alone, protected):
        app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, a_server(key))  # type: ignore[method-assign]
    return {
        "plain": flask_app(),
        "Protect": alone,
        "Protect and Access": protected,
        "Authlib": flask_with_authlib(key),
    }


def time_wsgi(rounds: int) -> dict[str, list[float]]:
    key = PrivateKey.generate("ES256", kid="k1")
    token = a_token(key)
    apps = flask_apps(key)
    base = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/accounts",
        "RAW_URI": "/accounts",
        "QUERY_STRING": "",
        "SERVER_NAME": "api.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "api.example",
        "wsgi.url_scheme": "https",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
    }

    def calling(app: flask.Flask) -> Contender:
        def start_response(status: str, _headers: Any, _exc_info: Any = None) -> Callable[[bytes], object]:
            if not status.startswith("200"):
                raise AssertionError(status)
            return len

        return Contender(
            lambda environ: list(app(environ, start_response)),
            lambda number: [dict(base) for _ in range(number)],
        )

    callings = {name: calling(app) for name, app in apps.items()}
    return time_rounds(callings, rounds=rounds, calls=CALLS)


def measure_wsgi(effort: Effort) -> Iterator[Result]:
    times = pooled(partial(time_wsgi, effort.rounds), effort.passes)
    peers = {"Authlib": added(times, "Authlib", "plain")}
    yield Result("wsgi_mw on Flask", "added, warm, us", added(times, "Protect", "plain"), 12.0)
    ours = added(times, "Protect and Access", "plain")
    yield Result("wsgi_mw on Flask", "added, warm, with the check of a scope, us", ours, 17.0, peers)
