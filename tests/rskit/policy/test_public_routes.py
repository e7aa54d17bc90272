"""Pages that a team does not own are public by the path of their route, and the audit lists them so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fastapi
import flask
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path, re_path
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import asgi_mw
import wsgi_mw
from asgi_mw import starlette as on_starlette
from fapikit.errors import ConfigurationError
from rskit.policy.public_routes import PublicRoutes
from tests.rskit.django_project import CALLS, SERVERS, configure
from tests.rskit.door import Ran, ask_asgi, ask_wsgi
from tests.rskit.mothers import a_server
from wsgi_mw import django as on_django
from wsgi_mw import flask as on_flask
from wsgi_mw.django_audit import audit as audit_of_django

configure()
RAN = Ran()
NAMED = ["/login", "/admin/*"]
OPEN = ["/login", "/admin/users/7", "/admin/"]
CLOSED = [
    "/accounts",
    "/administrators",
    "/login/",
    "/nowhere",
    "/admin",
    "/admin/../accounts",
    "//login",
    "/x/login",
]


async def starlette_page(request: Request) -> PlainTextResponse:
    RAN(request.url.path)
    return PlainTextResponse("page")


@on_starlette.Access("accounts")
async def starlette_accounts(request: Request) -> PlainTextResponse:
    return PlainTextResponse("never")


def flask_page(**_: Any) -> str:
    RAN(flask.request.path)
    return "page"


def django_page(request: HttpRequest, **_: Any) -> HttpResponse:
    RAN(request.path)
    return HttpResponse("page")


@on_flask.Access("accounts")
def flask_accounts() -> str:
    return "never"


@on_django.Access("accounts")
def django_accounts(request: HttpRequest) -> HttpResponse:
    return HttpResponse("never")


urlpatterns = [
    path("login", django_page),
    path("accounts", django_accounts),
    path("administrators", django_page),
    path("admin/", include([path("", django_page), re_path("^users/(?P<number>[0-9]+)$", django_page)])),
    path("x/login", django_page),
]


def of_starlette(named: Any) -> tuple[Any, Any]:
    users = Starlette(routes=[Route("/", starlette_page), Route("/users/{number}", starlette_page)])
    routes = [
        Route("/login", starlette_page),
        Route("/accounts", starlette_accounts),
        Route("/administrators", starlette_page),
        Mount("/admin", app=users),
        Route("/x/login", starlette_page),
    ]
    app = asgi_mw.Protect(Starlette(routes=routes), a_server(), public_routes=named)
    return lambda method, target: ask_asgi(app, method, target).status_code, lambda: asgi_mw.audit(app)


def of_flask(named: Any) -> tuple[Any, Any]:
    inner = flask.Flask("api", static_folder=None)
    for number, rule in enumerate(
        ["/login", "/administrators", "/admin/", "/admin/users/<number>", "/x/login"]
    ):
        inner.add_url_rule(rule, f"page{number}", flask_page)
    inner.add_url_rule("/accounts", "accounts", flask_accounts)
    app = wsgi_mw.Protect(inner, a_server(), public_routes=named)
    return lambda method, target: ask_wsgi(app, method, target).status_code, lambda: wsgi_mw.audit(app)


def of_django(named: Any, server: str) -> tuple[Any, Any]:
    settings = {"ROOT_URLCONF": __name__, "FAPIKIT_PUBLIC_ROUTES": named}

    def ask(method: str, target: str) -> int:
        with override_settings(**settings):
            return int(CALLS[server](method, target, {})[0])

    def audited() -> Any:
        with override_settings(**settings):
            return audit_of_django()

    return ask, audited


@pytest.fixture(params=["starlette", "flask", "django-wsgi", "django-asgi"])
def made(request: pytest.FixtureRequest) -> Any:
    """made(named) -> how to ask as a stranger, how to audit"""
    RAN.clear()
    SERVERS[0] = a_server()
    plain = {"starlette": of_starlette, "flask": of_flask}
    return plain.get(request.param) or (lambda named: of_django(named, request.param[-4:]))


def test_a_route_that_is_named_is_public_and_no_other(made: Any):
    ask, audit = made(NAMED)
    assert {target: ask("GET", target) for target in OPEN} == dict.fromkeys(OPEN, 200)
    assert {target: ask("GET", target) for target in CLOSED} == dict.fromkeys(CLOSED, 401)
    assert OPEN == RAN
    by_name = {route.path for route in audit() if route.policy == "public by name"}
    assert {"/login", "/admin/"} < by_name
    assert len(by_name) == 3
    closed, _ = made([])
    assert {closed("GET", target) for target in OPEN + CLOSED} == {401}


def test_a_name_of_no_route_and_a_route_with_a_rule_are_refused(made: Any):
    for named, said in [
        (["/logon"], "that are no route: /logon"),
        (["/logins/*", "/login"], r"that are no route: /logins/\*"),
        (["/accounts"], "has a rule of its own"),
    ]:
        ask, audit = made(named)
        assert ask("GET", "/accounts") == 401
        with pytest.raises(ConfigurationError, match=said):
            audit()


def test_the_documents_of_fastapi_are_named():
    app = fastapi.FastAPI()
    protected = asgi_mw.Protect(app, a_server(), public_routes=["/docs", "/openapi.json"])
    statuses = [
        ask_asgi(protected, "GET", target).status_code for target in ("/docs", "/openapi.json", "/redoc")
    ]
    assert statuses == [200, 200, 401]


def test_static_files_are_named(tmp_path: Path):
    (tmp_path / "logo.txt").write_text("logo")
    inner = Starlette(routes=[Mount("/static", app=StaticFiles(directory=tmp_path))])
    protected = asgi_mw.Protect(inner, a_server(), public_routes=["/static"])
    assert ask_asgi(protected, "GET", "/static/logo.txt").text == "logo"
    files = flask.Flask("files", static_folder=tmp_path, static_url_path="/static")
    named = wsgi_mw.Protect(files, a_server(), public_routes=["/static/<path:filename>"])
    with ask_wsgi(named, "GET", "/static/logo.txt") as answer:
        assert answer.text == "logo"
    assert ask_wsgi(wsgi_mw.Protect(files, a_server()), "GET", "/static/logo.txt").status_code == 401


@pytest.mark.parametrize("named", ["/docs", None, ["docs"], [7], ["/*"], ["*"]])
def test_what_is_no_path_is_refused_at_construction(named: Any):
    with pytest.raises(ConfigurationError, match="public_routes="):
        PublicRoutes(named)
