"""Pages of other origins: a preflight is answered at the door by the policy alone, and every answer can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import asgi_mw
import wsgi_mw
from fapikit.errors import ConfigurationError
from rskit.answers.cors import Cors
from tests.rskit.django_project import CALLS, SERVERS, configure
from tests.rskit.door import PREFLIGHT, Ran, ask_asgi, ask_wsgi
from tests.rskit.mothers import RESOURCE, a_server, a_token
from wsgi_mw.django import public as public_view

configure()
RAN = Ran()
SHOP = "https://shop.example"
OWN = {"access-control-allow-origin": "https://anybody.example", "access-control-max-age": "9"}
METADATA = "/.well-known/oauth-protected-resource"
METHODS = ["GET", "POST", "OPTIONS"]


async def starlette_accounts(request: Request) -> PlainTextResponse:
    RAN("accounts")
    return PlainTextResponse("1", headers=OWN)


def flask_accounts() -> Any:
    RAN("accounts")
    return "1", 200, OWN


def django_accounts(request: HttpRequest) -> HttpResponse:
    RAN("accounts")
    return HttpResponse("1", headers=OWN)


@public_view()
def health(request: HttpRequest) -> HttpResponse:
    return HttpResponse("up")


urlpatterns = [path("accounts", django_accounts), path("health", health)]


@pytest.fixture(params=["starlette", "flask", "django-wsgi", "django-asgi"])
def ask(request: pytest.FixtureRequest) -> Iterator[Any]:
    """ask(cors, method, path, headers) -> status, headers"""
    RAN.clear()

    def of_starlette(cors: Any, *asked: Any) -> Any:
        app = Starlette(routes=[Route("/accounts", starlette_accounts, methods=METHODS)])
        answer = ask_asgi(asgi_mw.Protect(app, a_server(), cors=cors), *asked)
        return answer.status_code, answer.headers

    def of_flask(cors: Any, *asked: Any) -> Any:
        app = flask.Flask("api")
        app.add_url_rule("/accounts", "accounts", flask_accounts, methods=METHODS)
        answer = ask_wsgi(wsgi_mw.Protect(app, a_server(), cors=cors), *asked)
        return answer.status_code, answer.headers

    def of_django(cors: Any, *asked: Any) -> Any:
        SERVERS[0] = a_server()
        with override_settings(FAPIKIT_CORS=cors):
            status, headers, _ = CALLS[request.param[-4:]](*asked)
        return status, headers

    with override_settings(ROOT_URLCONF=__name__):
        yield {"starlette": of_starlette, "flask": of_flask}.get(request.param, of_django)


def allowing(headers: Any) -> dict[str, str]:
    return {
        name.lower(): value for name, value in headers.items() if name.lower().startswith("access-control")
    }


CREDENTIALS = {"authorization": f"Bearer {a_token()}"}


def test_without_a_policy_no_preflight_is_answered(ask: Any, caplog: pytest.LogCaptureFixture):
    for target in ("/accounts", "/nowhere"):
        status, headers = ask(None, "OPTIONS", target, PREFLIGHT)
        assert status == 401
        assert set(allowing(headers)) == {"access-control-expose-headers"}
    assert RAN == []
    assert "set cors=Cors(origins={...})" in caplog.text
    assert ask(None, "GET", "/accounts", {**CREDENTIALS, "origin": SHOP})[0] == 200


@pytest.mark.spec("FAPI1-BL 6.2.1-14")
def test_a_preflight_is_answered_without_the_application(ask: Any):
    policy = Cors(origins={SHOP}, headers={"x-idempotency-key"}, methods={"GET"}, max_age=60)
    for target in ("/accounts", "/nowhere", "/health"):
        status, headers = ask(policy, "OPTIONS", target, PREFLIGHT)
        assert status == 204
        assert allowing(headers) == {
            "access-control-allow-origin": SHOP,
            "access-control-allow-methods": "GET",
            "access-control-allow-headers": (
                "Authorization, DPoP, Content-Type, x-fapi-interaction-id, x-idempotency-key"
            ),
            "access-control-max-age": "60",
        }
        assert "Origin" in headers["vary"]
    assert RAN == []


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://shop.example.evil", "null", "http://shop.example"]
)
def test_a_page_of_another_origin_is_told_nothing(ask: Any, origin: str):
    policy = Cors(origins={SHOP}, credentials=True)
    status, headers = ask(policy, "OPTIONS", "/accounts", {**PREFLIGHT, "origin": origin})
    assert (status, allowing(headers)) == (403, {})
    status, headers = ask(policy, "GET", "/accounts", {**CREDENTIALS, "origin": origin})
    assert (status, allowing(headers)) == (200, {})
    assert "Origin" in headers["vary"]
    assert RAN == ["accounts"]


@pytest.mark.spec("RFC 9449 9")
@pytest.mark.parametrize(("headers", "status"), [(CREDENTIALS, 200), ({}, 401)])
def test_every_answer_can_be_read_refusals_too(ask: Any, headers: dict[str, str], status: int):
    policy = Cors(origins={SHOP}, credentials=True, exposed=["x-page"])
    answered, received = ask(policy, "GET", "/accounts", {**headers, "origin": SHOP})
    assert answered == status
    assert allowing(received) == {
        "access-control-allow-origin": SHOP,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": (
            "WWW-Authenticate, DPoP-Nonce, x-fapi-interaction-id, Retry-After, x-page"
        ),
    }
    # A cache may keep this answer for a page of another origin.
    assert "Origin" in received["vary"]
    assert "Origin" in ask(policy, "GET", "/accounts", headers)[1]["vary"]


def test_all_origins_are_allowed_by_a_star(ask: Any):
    status, headers = ask(Cors(origins={"*"}), "GET", "/accounts", {**CREDENTIALS, "origin": SHOP})
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    assert "vary" not in headers or "Origin" not in headers["vary"]


@pytest.mark.parametrize("left_out", PREFLIGHT)
def test_what_is_no_preflight_is_a_request_like_any_other(ask: Any, left_out: str):
    asked = {name: value for name, value in PREFLIGHT.items() if name != left_out}
    policy = Cors(origins={SHOP})
    assert ask(policy, "OPTIONS", "/accounts", asked)[0] == 401
    assert RAN == []
    assert ask(policy, "OPTIONS", "/accounts", {**asked, **CREDENTIALS})[0] == 200
    assert ask(policy, "GET", "/accounts", PREFLIGHT)[0] == 401


@pytest.mark.spec("RFC 9728 3.1")
@pytest.mark.parametrize("cors", [None, Cors(origins={SHOP})])
def test_the_metadata_are_for_everybody(ask: Any, cors: Any):
    asked = {
        **PREFLIGHT,
        "origin": "https://other.example",
        "access-control-request-headers": "mcp-protocol-version",
    }
    status, headers = ask(cors, "OPTIONS", METADATA, asked)
    assert (status, headers["access-control-allow-origin"]) == (204, "*")
    assert headers["access-control-allow-headers"] == "mcp-protocol-version"
    status, headers = ask(cors, "GET", METADATA, {"origin": SHOP})
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    odd = ask(cors, "OPTIONS", METADATA, {**asked, "access-control-request-headers": "a/b"})[1]
    assert odd["access-control-allow-headers"] == "*"


def test_cors_handling_outside_of_the_protection_goes_on():
    inner = Starlette(routes=[Route("/accounts", starlette_accounts, methods=METHODS)])
    app = CORSMiddleware(asgi_mw.Protect(inner, a_server()), allow_origins=[SHOP], allow_headers=["dpop"])
    answer = ask_asgi(app, "OPTIONS", "/accounts", PREFLIGHT)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, SHOP)
    refused = ask_asgi(app, "GET", "/accounts", {"origin": SHOP})
    assert refused.status_code == 401
    assert "WWW-Authenticate" in refused.headers["access-control-expose-headers"]


def test_cors_handling_inside_of_it_answers_no_stranger():
    inner = Starlette(
        routes=[Route("/accounts", starlette_accounts)],
        middleware=[Middleware(CORSMiddleware, allow_origins=["*"])],
    )
    for settings in ({}, {"around_public": [CORSMiddleware]}):
        app = asgi_mw.Protect(inner, a_server(), **settings)
        assert ask_asgi(app, "OPTIONS", "/accounts", PREFLIGHT).status_code == 401


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"origins": ()}, "at least one origin"),
        ({"origins": SHOP}, "one string: put it into a list"),
        ({"origins": [f"{SHOP}/"]}, "as a browser does"),
        ({"origins": [f"{SHOP}:443"]}, "as a browser does"),
        ({"origins": ["https://Shop.example"]}, "as a browser does"),
        ({"origins": ["shop.example"]}, "as a browser does"),
        ({"origins": ["https://"]}, "as a browser does"),
        ({"origins": ["https://x.example:y"]}, "as a browser does"),
        ({"origins": ["null"]}, "as a browser does"),
        ({"origins": [7]}, "an item that is of the type int"),
        ({"origins": ["*", SHOP]}, "allows no further origin"),
        ({"origins": ["*"], "credentials": True}, "allows no further origin"),
        ({"origins": [SHOP], "headers": ["*"]}, "by its own name"),
        ({"origins": [SHOP], "headers": ["a, b"]}, "by its own name"),
        ({"origins": [SHOP], "methods": "GET"}, "one string: put it into a list"),
        ({"origins": [SHOP], "max_age": -1}, "seconds"),
        ({"origins": [SHOP], "max_age": True}, "seconds"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(settings: Any, said: str):
    with pytest.raises(ConfigurationError, match=said):
        Cors(**settings)


def test_what_is_no_policy_is_refused():
    for protect, app in ((asgi_mw.Protect, Starlette()), (wsgi_mw.Protect, flask.Flask("api"))):
        with pytest.raises(ConfigurationError, match=r"cors= must be Cors\(origins="):
            protect(app, a_server(), cors={SHOP})  # type: ignore[operator]
    assert a_server().resource == RESOURCE
