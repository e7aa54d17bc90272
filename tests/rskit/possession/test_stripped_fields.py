"""Fields that describe a client certificate reach the application only by a rule that names them, from its proxy."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import flask
import httpx
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.test.utils import override_settings
from django.urls import path
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from werkzeug.test import EnvironBuilder, run_wsgi_app

import asgi_mw
import wsgi_mw
from asgi_mw import starlette as on_starlette
from fapikit.certificates import CertificateHeader, ProxyTrust
from fapikit.certificates.proxy_fields import with_underscores
from rskit import ResourceServer
from rskit.observe import Observe
from tests.clocks import NOW
from tests.rskit.django_project import SERVERS, configure
from tests.rskit.mothers import RESOURCE, a_server, a_token
from wsgi_mw import django as on_django
from wsgi_mw import flask as on_flask

configure()

NEAR, FAR = "10.0.3.7", "192.0.2.9"
TRUST = ProxyTrust.of(["10.0.3.0/24"])
FIELDS = [
    "client-cert",
    "client-cert-chain",
    "x-ssl-client-cert",
    "x-forwarded-client-cert",
    "x-amzn-mtls-clientcert",
    "x-amzn-mtls-clientcert-leaf",
    "x-amzn-mtls-clientcert-serial-number",
    "x-amzn-mtls-clientcert-issuer",
    "x-amzn-mtls-clientcert-subject",
    "x-amzn-mtls-clientcert-validity",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
]

Ask = Callable[..., list[str]]
"""ask(server, path, names, peer=FAR, value=...): the names of the fields that the application saw, besides others."""


def in_asgi(app: Any, path: str, names: list[str], peer: str, value: str) -> list[str]:
    async def send() -> list[str]:
        transport = httpx.ASGITransport(app=app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url=RESOURCE) as client:
            answer = await client.get(path, headers=[*bearer(path), *((name, value) for name in names)])
            assert answer.status_code == 200, answer.text
            return [name for name in answer.json() if name in names]

    return asyncio.run(send())


def in_wsgi(app: Any, path: str, names: list[str], peer: str, value: str) -> list[str]:
    headers = {**dict(bearer(path)), **dict.fromkeys(names, value)}
    environ = EnvironBuilder(path=path, headers=headers).get_environ()
    body, status, _ = run_wsgi_app(app, {**environ, "REMOTE_ADDR": peer})
    answer = b"".join(body)
    assert status.startswith("200"), answer
    return [name for name in flask.json.loads(answer) if name in names]


def bearer(path: str) -> list[tuple[str, str]]:
    return [] if path == "/branches" else [("authorization", f"Bearer {a_token()}")]


def under_starlette(
    server: ResourceServer, path: str, names: list[str], peer: str = FAR, value: str = ":MIIB:"
) -> list[str]:
    async def seen(request: Request) -> JSONResponse:
        return JSONResponse([name.decode() for name, _ in request.scope["headers"]])

    @on_starlette.public()
    async def branches(request: Request) -> JSONResponse:
        return await seen(request)

    app = Starlette(routes=[Route("/accounts", seen), Route("/branches", branches)])
    return in_asgi(asgi_mw.Protect(app, server), path, names, peer, value)


def under_flask(
    server: ResourceServer, path: str, names: list[str], peer: str = FAR, value: str = ":MIIB:"
) -> list[str]:
    app = flask.Flask("api")

    def seen() -> Any:
        return flask.jsonify([name.lower() for name, _ in flask.request.headers])

    app.add_url_rule("/accounts", "accounts", seen)
    app.add_url_rule("/branches", "branches", on_flask.public()(lambda: seen()))
    return in_wsgi(wsgi_mw.Protect(app.wsgi_app, server), path, names, peer, value)


def seen_by_django(request: HttpRequest) -> JsonResponse:
    of_scope = [name.decode() for name, _ in request.scope["headers"]] if hasattr(request, "scope") else []
    return JsonResponse(sorted({*map(str.lower, request.headers), *of_scope}), safe=False)


@on_django.public()
def branches_of_django(request: HttpRequest) -> JsonResponse:
    return seen_by_django(request)


urlpatterns = [path("accounts", seen_by_django), path("branches", branches_of_django)]


@pytest.fixture(autouse=True)
def _urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


def under_django(
    server: ResourceServer, path: str, names: list[str], peer: str = FAR, value: str = ":MIIB:"
) -> list[str]:
    SERVERS[0] = server
    return in_wsgi(WSGIHandler(), path, names, peer, value)


def under_django_over_asgi(
    server: ResourceServer, path: str, names: list[str], peer: str = FAR, value: str = ":MIIB:"
) -> list[str]:
    SERVERS[0] = server
    return in_asgi(ASGIHandler(), path, names, peer, value)


SKINS: dict[str, Ask] = {
    "starlette": under_starlette,
    "flask": under_flask,
    "django": under_django,
    "django over ASGI": under_django_over_asgi,
}


@pytest.fixture(params=SKINS)
def ask(request: pytest.FixtureRequest) -> Ask:
    return SKINS[request.param]


@pytest.mark.spec("RFC 9440 4; RFC 8705 6.5")
@pytest.mark.parametrize("route", ["/accounts", "/branches"])
def test_without_a_rule_no_field_of_any_proxy_reaches_the_application(ask: Ask, route: str):
    assert ask(a_server(), route, FIELDS) == []


@pytest.mark.parametrize("route", ["/accounts", "/branches"])
def test_other_fields_reach_it(ask: Ask, route: str):
    others = ["x-forwarded-for", "x-request-id", "x-client-cert-of-our-own"]
    assert set(ask(a_server(), route, others)) == set(others)


@pytest.mark.parametrize("peer", [NEAR, FAR])
@pytest.mark.parametrize("route", ["/accounts", "/branches"])
def test_a_rule_for_one_proxy_lets_no_other_field_pass(ask: Ask, route: str, peer: str):
    server = a_server(client_certificates=CertificateHeader("nginx", trust=TRUST))
    assert ask(server, route, [name for name in FIELDS if name != "x-ssl-client-cert"], peer) == []


@pytest.mark.parametrize(("peer", "reaches"), [(NEAR, True), (FAR, False)])
@pytest.mark.parametrize(("form", "name"), [("envoy", "x-forwarded-client-cert"), ("nginx", "client-cert")])
def test_the_field_that_the_rule_names_reaches_it_from_the_proxy(
    ask: Ask, form: str, name: str, peer: str, reaches: bool
):
    server = a_server(client_certificates=CertificateHeader(form, trust=TRUST, header=name))
    value = "Hash=" + 64 * "0" if form == "envoy" else ""
    assert ask(server, "/accounts", [name], peer, value=value) == ([name] if reaches else [])


@pytest.mark.parametrize(("peer", "reaches"), [(NEAR, True), (FAR, False)])
@pytest.mark.parametrize(
    ("form", "beside"),
    [
        ("traefik", "x-forwarded-tls-client-cert-info"),
        ("aws-alb", "x-amzn-mtls-clientcert-subject"),
    ],
)
def test_what_the_proxy_of_the_rule_sends_beside_reaches_it(
    ask: Ask, form: str, beside: str, peer: str, reaches: bool
):
    server = a_server(client_certificates=CertificateHeader(form, trust=TRUST))
    assert bool(ask(server, "/accounts", [beside], peer)) is reaches


@pytest.mark.parametrize("header", [None, CertificateHeader("traefik", trust=TRUST)])
@pytest.mark.parametrize("name", ["x-amzn-mtls-clientcert-leaf", "x-forwarded-tls-client-cert-info"])
def test_under_asgi_no_spelling_with_underscores_reaches_it(name: str, header: CertificateHeader | None):
    names = sorted(with_underscores(name))
    assert {"x_amzn_mtls_clientcert_leaf", "x_amzn-mtls-clientcert_leaf"} <= {*names} or "info" in name
    assert under_starlette(a_server(client_certificates=header), "/accounts", names, FAR) == []
    assert under_starlette(a_server(client_certificates=header), "/accounts", names, NEAR) == []


@pytest.mark.parametrize("ask", [under_starlette, under_flask])
def test_where_a_refusal_is_only_observed_the_fields_are_removed_too(ask: Ask):
    """A prefix that cannot be read must not bring a certificate with it."""
    observe = Observe(dt.datetime.fromtimestamp(NOW, dt.UTC).date() + dt.timedelta(days=9), "a test")
    server = a_server(forwarded_prefix=TRUST, observe=observe, profile="oauth-2.1")
    assert ask(server, "/accounts", ["x-forwarded-prefix", "client-cert"], NEAR, value="no prefix") == []


@pytest.mark.parametrize("name", ["a", "a-b", "client-cert-chain"])
def test_each_hyphen_may_be_an_underscore(name: str):
    spellings = with_underscores(name)
    assert len(spellings) == 2 ** name.count("-") - 1
    assert name not in spellings
    assert {spelling.replace("_", "-") for spelling in spellings} <= {name}
