"""`Protect` put around the wrong way is refused with the right call, and `audit` says whether one is there."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from werkzeug.middleware.proxy_fix import ProxyFix

import asgi_mw
import wsgi_mw
from asgi_mw.starlette import public
from fapikit.errors import ConfigurationError
from rskit import ResourceServer
from tests.rskit.mothers import RESOURCE, a_server

PROTECTS: dict[str, tuple[Any, Any]] = {
    "asgi": (asgi_mw.Protect, Starlette),
    "wsgi": (wsgi_mw.Protect, lambda: flask.Flask("api")),
}


@pytest.fixture(params=PROTECTS)
def skin(request: pytest.FixtureRequest) -> Any:
    return PROTECTS[request.param]


def test_what_is_given_wrongly_is_refused_with_the_right_call(skin: Any):
    protect, make = skin
    app, server = make(), a_server()
    with pytest.raises(ConfigurationError, match=r"swapped: write Protect\(app, resource_server\)"):
        protect(server, app)
    with pytest.raises(ConfigurationError, match=r"not its class: ResourceServer\(resource=\.\.\., issuers="):
        protect(app, ResourceServer)
    with pytest.raises(ConfigurationError, match=r"takes a resource server, not a str"):
        protect(app, "https://api.example")
    with pytest.raises(ConfigurationError, match=r"(Starlette|Flask)\(\.\.\.\), not its class"):
        protect(type(app), server)
    with pytest.raises(ConfigurationError, match="an application, not a NoneType"):
        protect(None, server)


def test_a_class_that_is_an_application_itself_is_one():
    class Only(HTTPEndpoint):
        async def get(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("here")

    assert asgi_mw.Protect(Only, a_server()).inner is Only


def a_starlette_app(**settings: Any) -> Starlette:
    async def accounts(request: Request) -> PlainTextResponse:
        return PlainTextResponse("1")

    @public()
    async def health(request: Request) -> PlainTextResponse:
        return PlainTextResponse("up")

    return Starlette(routes=[Route("/accounts", accounts), Route("/health", health)], **settings)


def test_the_audit_of_an_asgi_app_says_whether_it_is_protected():
    server, app = a_server(), a_starlette_app()
    bare = asgi_mw.audit(app)
    assert (bare.protected, bare.protected_by, len(bare)) == (False, (), 2)
    assert str(bare).startswith("NO Protect around it\n")
    added = a_starlette_app()
    added.add_middleware(asgi_mw.Protect, resource_server=server)
    given = a_starlette_app(middleware=[Middleware(asgi_mw.Protect, server)])
    for protected in (
        asgi_mw.Protect(app, server),
        CORSMiddleware(asgi_mw.Protect(app, server)),
        asgi_mw.Protect(CORSMiddleware(app), server, around_public=[CORSMiddleware]),
        added,
        given,
    ):
        table = asgi_mw.audit(protected)
        assert table.protected_by == (RESOURCE,)
        assert table == bare
    lines = str(asgi_mw.audit(added)).splitlines()
    assert lines[0] == f"protected by {RESOURCE}"
    assert lines[1].split() == ["GET", "HEAD", "/accounts", "any", "valid", "token"]


def test_a_mounted_application_may_have_a_protect_of_its_own():
    outer = Starlette(routes=[Mount("/api", app=asgi_mw.Protect(a_starlette_app(), a_server()))])
    (route,) = asgi_mw.audit(outer, every_route_explicit=True)
    assert (route.path, route.policy) == ("/api", f"protected by {RESOURCE}")


def test_two_protects_for_one_resource_are_one_too_many():
    server = a_server()
    app = a_starlette_app()
    app.add_middleware(asgi_mw.Protect, resource_server=server)
    with pytest.raises(ConfigurationError, match="two Protects"):
        asgi_mw.audit(asgi_mw.Protect(app, server))
    other = a_server(resource="https://other.example")
    assert asgi_mw.audit(asgi_mw.Protect(app, other)).protected_by == ("https://other.example", RESOURCE)


def test_an_asgi_app_without_known_routes_is_not_audited_as_if_it_had_none():
    async def bare(scope: Any, receive: Any, send: Any) -> None: ...

    with pytest.raises(ConfigurationError, match="routes of this application are not known"):
        asgi_mw.audit(asgi_mw.Protect(bare, a_server()))


def test_the_audit_of_a_flask_app_says_whether_it_is_protected():
    server, app = a_server(), flask.Flask("api")
    assert wsgi_mw.audit(app).protected is False
    assert wsgi_mw.audit(wsgi_mw.Protect(app, server)).protected_by == (RESOURCE,)
    assert wsgi_mw.audit(wsgi_mw.Protect(app.wsgi_app, server)).protected_by == (RESOURCE,)
    app.wsgi_app = protect = wsgi_mw.Protect(app.wsgi_app, server)  # type: ignore[method-assign, assignment]
    assert wsgi_mw.audit(app).protected_by == (RESOURCE,)
    assert wsgi_mw.audit(protect).protected_by == (RESOURCE,)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    assert wsgi_mw.audit(app).protected_by == (RESOURCE,)
    app.wsgi_app = lambda environ, start_response: protect(environ, start_response)  # type: ignore[method-assign]
    assert [route.path for route in wsgi_mw.audit(app)] == ["/static/<path:filename>"]


def test_a_protect_that_would_call_itself_is_found():
    app = flask.Flask("api")
    app.wsgi_app = wsgi_mw.Protect(app, a_server())  # type: ignore[method-assign]
    with pytest.raises(
        ConfigurationError, match=r"app\.wsgi_app = Protect\(app\.wsgi_app, resource_server\)"
    ):
        wsgi_mw.audit(app)
