"""Flask's own shapes under Protect: audit, blueprints, async views, `once`, late answers of bare WSGI apps."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from werkzeug.test import Client

import wsgi_mw
from fapikit.errors import ConfigurationError
from rskit.access import Access as CoreAccess
from rskit.policy.audit import RoutePolicy
from tests.rskit.mothers import a_server, a_token
from wsgi_mw.flask import Access, current_token, once, public


def an_app() -> flask.Flask:
    app = flask.Flask("api")
    blueprint = flask.Blueprint("inner", "inner", url_prefix="/inner")

    @app.get("/health")
    @public()
    def health() -> str:
        return "up"

    @app.get("/silent")
    def silent() -> str:
        return current_token.subject or ""

    @app.post("/once")
    @Access("payments")
    def execute() -> dict[str, bool]:
        return {"first": once("payment 7", 60)}

    @app.get("/fresh")
    @Access("accounts", fresh=True)
    def fresh() -> str:
        return "fresh"

    @blueprint.get("/health")
    @public()
    def inner_health() -> str:
        return "up"

    @blueprint.get("/<int:number>")
    def item(number: int) -> str:
        return str(number)

    app.register_blueprint(blueprint)
    return app


def call(app: Any, method: str, path: str, token: str | None = None) -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return Client(app).open(path, method=method, headers=headers)


@pytest.fixture(params=["app.wsgi_app", "the app"])
def protected(request: pytest.FixtureRequest) -> Any:
    app = an_app()
    if request.param == "the app":
        return wsgi_mw.Protect(app, a_server())
    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, a_server())  # type: ignore[method-assign]
    return app


def test_what_is_public_and_nothing_else_answers_a_stranger(protected: Any):
    paths = ["/health", "/inner/health", "/silent", "/inner/7", "/static/x", "/nowhere", "/health/"]
    statuses = [call(protected, "GET", path).status_code for path in paths]
    assert statuses == [200, 200, 401, 401, 401, 401, 401]
    assert call(protected, "POST", "/health").status_code == 401


def test_with_a_token_the_routes_decide(protected: Any):
    assert call(protected, "GET", "/silent", a_token()).text == "alice"
    assert call(protected, "GET", "/fresh", a_token()).text == "fresh"
    assert call(protected, "GET", "/inner/7", a_token()).text == "7"
    assert call(protected, "GET", "/nowhere", a_token()).status_code == 404
    assert call(protected, "POST", "/once", a_token(scope="accounts")).status_code == 403


def test_an_options_request_reaches_no_view():
    app = an_app()
    app.add_url_rule("/own", "own", lambda: "answered", methods=["OPTIONS"])
    app.wsgi_app = wsgi_mw.Protect(app.wsgi_app, a_server())  # type: ignore[method-assign]
    preflight = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    for path in ("/own", "/silent", "/health", "/nowhere"):
        for headers in ({}, preflight, *({name: value} for name, value in preflight.items())):
            assert Client(app).options(path, headers=headers).status_code == 401


def test_once_is_once(protected: Any):
    answers = [call(protected, "POST", "/once", a_token()).json["first"] for _ in range(3)]
    assert answers == [True, False, False]


def test_the_audit_lists_every_route():
    found = {route.path: route for route in wsgi_mw.audit(an_app())}
    assert found["/health"].policy == "public"
    assert found["/silent"].policy is None
    assert repr(found["/once"].policy) == "Access('payments')"
    assert isinstance(found["/fresh"].policy, CoreAccess)
    assert str(RoutePolicy(("GET",), "/x", None)).endswith("any valid token")
    with pytest.raises(ConfigurationError, match="/silent"):
        wsgi_mw.audit(an_app(), every_route_explicit=True)
    with pytest.raises(ConfigurationError, match="not a Flask app"):
        wsgi_mw.audit(object())


def test_an_endpoint_is_public_or_guarded_never_both():
    with pytest.raises(ConfigurationError, match="not both"):
        public()(Access("x")(lambda: ""))


def test_a_view_without_protect_around_it_is_an_error_not_an_open_door():
    app = an_app()
    app.testing = True
    with pytest.raises(RuntimeError, match=r"no wsgi_mw\.Protect"):
        call(app, "POST", "/once", a_token())


def test_a_bare_app_is_wholly_protected_and_may_answer_late():
    def app(environ: Any, start_response: Any) -> Any:
        yield b""
        start_response("200 OK", [("content-type", "text/plain")])
        yield b"late"

    protected = wsgi_mw.Protect(app, a_server())
    assert call(protected, "GET", "/").status_code == 401
    assert call(protected, "GET", "/", a_token()).text == "late"


def test_without_a_raw_path_the_decoded_one_is_used():
    from wsgi_mw.view import raw_path

    assert raw_path({"SCRIPT_NAME": "/api", "PATH_INFO": "/a b"}) == "/api/a%20b"
    path = "/v1/me@home:x/!$&'()*+,;=-._~"
    assert raw_path({"PATH_INFO": path}) == path
    assert raw_path({"PATH_INFO": "/50%/[\xc3\xa9]?#"}) == "/50%25/%5B%C3%A9%5D%3F%23"
    assert raw_path({"RAW_URI": "http://evil.example/accounts?x=1"}) == "/accounts"
    assert raw_path({"RAW_URI": "/a%2Fb?x=/c"}) == "/a%2Fb"
    assert raw_path({"REQUEST_URI": "//double//"}) == "//double//"
