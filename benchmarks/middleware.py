"""What a middleware adds to a request in process, a token seen before; beside what others add to the same app.

The peers keep no token cache, so each verifies its JWT anew: that is what they do out of the box.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
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
from benchmarks.rounds import Contender, Result, interleaved, least_disturbed, medians, result
from benchmarks.tokens import ISSUER, RESOURCE, a_server, a_token
from fapikit import PrivateKey

ROUNDS, CALLS = 30, 150
App = Callable[[Any, Any, Any], Awaitable[None]]


async def accounts(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


class Empty(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Any) -> Any:
        return await call_next(request)


def decode(key: PrivateKey, token: str) -> dict[str, Any]:
    claims: dict[str, Any] = pyjwt.decode(
        token, key.public_key.material, [key.alg], audience=RESOURCE, issuer=ISSUER
    )
    return claims


def fastapi_with_pyjwt(key: PrivateKey) -> App:
    app = fastapi.FastAPI(openapi_url=None)
    scheme = HTTPBearer()

    async def claims_of(credentials: Any = fastapi.Depends(scheme)) -> dict[str, Any]:  # noqa: B008
        return decode(key, credentials.credentials)

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
        self._key = key

    async def verify_token(self, token: str) -> AccessToken | None:
        claims = decode(self._key, token)
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims["scope"].split(),
            expires_at=claims["exp"],
        )


def mcp_sdk(key: PrivateKey) -> App:
    guarded = RequireAuthMiddleware(Starlette(routes=[Route("/accounts", accounts)]), ["accounts"])
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
    began = time.perf_counter_ns()
    for scope in scopes:
        await app(scope, receive, send)
    spent = (time.perf_counter_ns() - began) / calls / 1000
    if statuses != [200] * calls:
        raise AssertionError(statuses)
    return spent


def measure_asgi() -> list[Result]:
    key = PrivateKey.generate("ES256", kid="k1")
    token = a_token(key)
    plain = Starlette(routes=[Route("/accounts", accounts)])
    apps: dict[str, App] = {
        "plain": plain,
        "plain FastAPI": plain_fastapi(),
        "ours": asgi_mw.Protect(Starlette(routes=[Route("/accounts", accounts)]), a_server(key)),
        "FastAPI + PyJWT": fastapi_with_pyjwt(key),
        "empty BaseHTTPMiddleware": Starlette(
            routes=[Route("/accounts", accounts)], middleware=[Middleware(Empty)]
        ),
        "MCP SDK + PyJWT": mcp_sdk(key),
    }

    async def measure() -> dict[str, float]:
        times: dict[str, list[float]] = {name: [] for name in apps}
        for name in interleaved(apps, ROUNDS):
            times[name].append(await call_asgi(apps[name], token, CALLS))
        return {name: statistics.median(values) for name, values in times.items()}

    times = least_disturbed(lambda: asyncio.run(measure()), "plain")
    added = {name: value - times["plain"] for name, value in times.items() if not name.startswith("plain")}
    added["FastAPI + PyJWT"] = times["FastAPI + PyJWT"] - times["plain FastAPI"]
    return [result("asgi_mw on Starlette", "added, warm, us", added.pop("ours"), 10.0, added)]


def flask_app() -> flask.Flask:
    app = flask.Flask("api")
    app.add_url_rule("/accounts", view_func=lambda: "ok", endpoint="accounts")
    return app


def flask_with_authlib(key: PrivateKey) -> flask.Flask:
    class Validator(JWTBearerTokenValidator):  # type: ignore[misc]
        def get_jwks(self) -> Any:
            return AuthlibKeys.import_key_set({"keys": [dict(key.public_jwk)]})

    protector = ResourceProtector()
    protector.register_token_validator(Validator(issuer=ISSUER, resource_server=RESOURCE))
    app = flask.Flask("api")
    app.add_url_rule("/accounts", view_func=protector("accounts")(lambda: "ok"), endpoint="accounts")
    return app


def measure_wsgi() -> list[Result]:
    key = PrivateKey.generate("ES256", kid="k1")
    token = a_token(key)
    protected = flask_app()
    protected.wsgi_app = wsgi_mw.Protect(protected.wsgi_app, a_server(key))  # type: ignore[method-assign]
    apps = {"plain": flask_app(), "ours": protected, "Authlib": flask_with_authlib(key)}
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
    times = least_disturbed(lambda: medians(callings, rounds=ROUNDS, calls=CALLS), "plain")
    added = {name: value - times["plain"] for name, value in times.items() if name != "plain"}
    return [result("wsgi_mw on Flask", "added, warm, us", added.pop("ours"), 12.0, added)]
