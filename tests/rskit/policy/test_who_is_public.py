"""`public()` opens its own endpoint and nothing else, however the application is put together."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import fastapi
import pytest
from fastapi import APIRouter
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import asgi_mw
from asgi_mw import starlette as on_starlette
from asgi_mw.fastapi import Access, public
from fapikit.errors import ConfigurationError
from rskit.tokens.token import Token
from tests.rskit.mothers import a_server
from tests.rskit.streams import run
from wsgi_mw import django as on_django
from wsgi_mw import flask as on_flask

PREFLIGHT = ((b"origin", b"https://shop.example"), (b"access-control-request-method", b"POST"))


def status(app: Any, method: str, path: str, *headers: tuple[bytes, bytes]) -> int:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers),
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return int(sent[0]["status"])


class Wrapping:
    """A middleware that does not show what it wraps."""

    def __init__(self, app: Any) -> None:
        self._hidden = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._hidden(scope, receive, send)


def an_app_with_included_routers() -> tuple[fastapi.FastAPI, list[str]]:
    ran: list[str] = []
    app, outer, inner = fastapi.FastAPI(), APIRouter(prefix="/v1"), APIRouter(prefix="/deep")

    @outer.get("/health")
    @public()
    async def health() -> str:
        return "up"

    @inner.get("/health")
    @public()
    async def deep_health() -> str:
        return "up"

    @inner.post("/health")
    async def change() -> None:
        ran.append("change")

    @inner.options("/secret")
    async def options() -> None:
        ran.append("options")

    outer.include_router(inner)
    app.include_router(outer)
    app.include_router(outer, prefix="/again", dependencies=[Access("again")])
    return app, ran


def test_a_public_endpoint_of_an_included_router_is_public():
    app, ran = an_app_with_included_routers()
    protected = asgi_mw.Protect(app, a_server())
    for path in ("/v1/health", "/v1/deep/health"):
        assert status(protected, "GET", path) == 200, path
        assert status(protected, "POST", path) == 401, path
    # What an inclusion demands holds for the public endpoint too.
    assert status(protected, "GET", "/again/v1/health") == 401
    for path in ("/v1/secret", "/v1/deep/nothing", "/deep/health", "/docs"):
        assert status(protected, "GET", path) == 401, path
    assert ran == []


def test_a_preflight_reaches_no_endpoint_of_an_included_router():
    app, ran = an_app_with_included_routers()
    assert status(asgi_mw.Protect(app, a_server()), "OPTIONS", "/v1/deep/secret", *PREFLIGHT) == 401
    assert status(asgi_mw.Protect(app, a_server()), "OPTIONS", "/v1/health", *PREFLIGHT) == 401
    assert ran == []


def test_the_audit_lists_the_routes_of_included_routers():
    app, _ = an_app_with_included_routers()
    policies = {f"{' '.join(r.methods)} {r.path}": str(r.policy) for r in asgi_mw.audit(app)}
    assert policies["GET /v1/deep/health"] == "public"
    assert policies["GET /again/v1/health"] == "Access('again')"
    assert policies["POST /v1/deep/health"] == "None"
    assert policies["POST /again/v1/deep/health"] == "Access('again')"
    with pytest.raises(ConfigurationError, match="POST /v1/deep/health"):
        asgi_mw.audit(app, every_route_explicit=True)


def test_what_is_public_and_asks_for_access_is_a_contradiction():
    """Whichever stands outside: such an endpoint would refuse every stranger, and its list of rules would lie."""

    async def endpoint(request: Request) -> PlainTextResponse:
        return PlainTextResponse("never")

    for decorator in (on_starlette.Access, on_flask.Access, on_django.Access):
        with pytest.raises(ConfigurationError, match="not both"):
            decorator("a")(public()(endpoint))
    with pytest.raises(ConfigurationError, match="not both"):
        public()(on_starlette.Access("a")(lambda request: None))


def signed_in(token: Annotated[Token, Access("a")]) -> Token:
    return token


def test_the_audit_refuses_a_public_endpoint_that_depends_on_access():
    app = fastapi.FastAPI()

    @app.get("/direct")
    @public()
    async def direct(token: Annotated[Token, Access("a")]) -> None: ...

    with pytest.raises(ConfigurationError, match=r"/direct: .*not both"):
        asgi_mw.audit(app)
    app = fastapi.FastAPI()

    @app.get("/nested")
    @public()
    async def nested(token: Annotated[Token, fastapi.Depends(signed_in)]) -> None: ...

    with pytest.raises(ConfigurationError, match=r"/nested: .*not both"):
        asgi_mw.audit(app)


def test_a_preflight_reaches_no_application_whose_routes_are_unknown():
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("secret")(scope, receive, send)

    class Unknown:
        routes = (object(),)

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await answer(scope, receive, send)

    for app in (Unknown(), answer):
        assert status(asgi_mw.Protect(app, a_server()), "OPTIONS", "/x", *PREFLIGHT) == 401


def test_a_mounted_application_is_not_judged_by_the_routes_around_it():
    ran: list[str] = []

    @public()
    async def open_outside(request: Request) -> PlainTextResponse:
        return PlainTextResponse("open")

    async def secret_inside(request: Request) -> PlainTextResponse:
        ran.append("secret")
        return PlainTextResponse("secret")

    inner = Starlette(routes=[Route("/transfer", secret_inside, methods=["POST"])])
    protected = asgi_mw.Protect(Wrapping(inner), a_server())
    routes = [Route("/transfer", open_outside, methods=["POST"]), Mount("/api", protected)]
    assert status(Starlette(routes=routes), "POST", "/transfer") == 200
    assert status(Starlette(routes=routes), "POST", "/api/transfer") == 401
    assert ran == []


def test_a_mounted_application_knows_its_own_public_endpoints():
    @public()
    async def health(request: Request) -> PlainTextResponse:
        return PlainTextResponse("up")

    inner = Starlette(routes=[Route("/health", health)])
    inner.add_middleware(asgi_mw.Protect, resource_server=a_server())
    app = Starlette(routes=[Mount("/api", inner)])
    assert status(app, "GET", "/api/health") == 200
    assert status(app, "GET", "/api/nothing") == 401


def test_what_derives_from_a_public_class_is_not_public():
    @public()
    class Health(HTTPEndpoint):
        async def get(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("up")

    class Accounts(Health):
        async def get(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("accounts")

    app = Starlette(routes=[Route("/health", Health), Route("/accounts", Accounts)])
    protected = asgi_mw.Protect(app, a_server())
    assert (status(protected, "GET", "/health"), status(protected, "GET", "/accounts")) == (200, 401)


def test_a_websocket_under_a_public_path_is_not_public():
    @public()
    async def health(request: Request) -> PlainTextResponse:
        return PlainTextResponse("up")

    scope = {
        "type": "websocket",
        "path": "/health",
        "raw_path": b"/health",
        "query_string": b"",
        "headers": [],
        "root_path": "",
    }
    sent = run(Starlette(routes=[Route("/health", health)]), scope, a_server())
    assert sent == [{"type": "websocket.close", "code": 1008}]
