"""A real authorization server that misbehaves: the API says 503, in time, and never lets anybody in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from fapikit import PrivateKeyJWT
from fapikit.clock import system_clock
from rskit import Introspection, IntrospectionLimits, Issuer, ResourceServer
from tests.keys import a_key
from tests.rskit.mothers import AS_KEY, RESOURCE, a_token
from tests.rskit.skins import SKINS

OPAQUE = "2YotnFZFEjr1zCsicMWpAA"


def slow(request: Request) -> Response:
    time.sleep(1.5)
    return Response("{}", content_type="application/json")


def huge(request: Request) -> Response:
    return Response((b" " * 65536 for _ in range(64)), content_type="application/json")


def truncated(request: Request) -> Response:
    return Response(b'{"keys": [', headers={"content-length": "5000"}, content_type="application/json")


FAULTS: dict[str, Any] = {
    "slow": slow,
    "huge": huge,
    "truncated": truncated,
    "500": lambda request: Response("no", 500),
    "redirecting": lambda request: Response("", 302, {"location": "http://127.0.0.1:1/elsewhere"}),
    "of the wrong type": lambda request: Response("<html>sign in</html>", content_type="text/html"),
    "an empty answer": lambda request: Response(""),
}


@pytest.fixture(params=sorted(SKINS))
def skin(request: pytest.FixtureRequest) -> Any:
    return SKINS[request.param]


@pytest.fixture
def authorization_server(httpserver: HTTPServer) -> Iterator[HTTPServer]:
    yield httpserver
    httpserver.clear()


def base_of(server: HTTPServer) -> str:
    return server.url_for("").rstrip("/")


def serve_metadata(server: HTTPServer) -> None:
    base = base_of(server)
    members = {"issuer": base, "jwks_uri": f"{base}/jwks", "introspection_endpoint": f"{base}/introspect"}
    server.expect_request("/.well-known/oauth-authorization-server").respond_with_json(members)


def an_api(issuer: Issuer) -> ResourceServer:
    return ResourceServer(resource=RESOURCE, issuers=[issuer])


def get(skin: Any, server: ResourceServer, token: str) -> Any:
    return skin(server, {"/accounts": {}})("GET", "/accounts", [("authorization", f"Bearer {token}")])


def assert_undecided(answer: Any) -> None:
    assert (answer.status, answer.header("retry-after")) == (503, "5")
    assert answer.header("www-authenticate") is None
    assert answer.json["error"] == "temporarily_unavailable"


@pytest.mark.parametrize("fault", FAULTS)
def test_introspection_that_is(fault: str, skin: Any, authorization_server: HTTPServer):
    serve_metadata(authorization_server)
    authorization_server.expect_request("/introspect").respond_with_handler(FAULTS[fault])
    asking = Introspection("api", PrivateKeyJWT(a_key()), limits=IntrospectionLimits(timeout=0.5))
    began = time.monotonic()
    assert_undecided(get(skin, an_api(Issuer(base_of(authorization_server), asking)), OPAQUE))
    assert time.monotonic() - began < 5


def test_a_server_that_hangs_keeps_one_request_waiting_not_all(skin: Any, authorization_server: HTTPServer):
    serve_metadata(authorization_server)
    authorization_server.expect_request("/introspect").respond_with_handler(slow)
    asking = Introspection("api", PrivateKeyJWT(a_key()), limits=IntrospectionLimits(timeout=0.5))
    server = an_api(Issuer(base_of(authorization_server), asking))
    assert_undecided(get(skin, server, OPAQUE))
    began = time.monotonic()
    for number in range(10):
        assert_undecided(get(skin, server, f"{OPAQUE}{number}"))
    assert time.monotonic() - began < 2.5  # each would have waited half a second


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "slow"])
def test_a_key_set_that_is(fault: str, skin: Any, authorization_server: HTTPServer):
    serve_metadata(authorization_server)
    authorization_server.expect_request("/jwks").respond_with_handler(FAULTS[fault])
    base = base_of(authorization_server)
    now = int(system_clock())
    token = a_token(iss=base, iat=now, exp=now + 300)
    assert_undecided(get(skin, an_api(Issuer(base)), token))


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "slow"])
def test_metadata_that_is(fault: str, skin: Any, authorization_server: HTTPServer):
    authorization_server.expect_request("/.well-known/oauth-authorization-server").respond_with_handler(
        FAULTS[fault]
    )
    base = base_of(authorization_server)
    now = int(system_clock())
    assert_undecided(get(skin, an_api(Issuer(base)), a_token(iss=base, iat=now, exp=now + 300)))


def test_the_metadata_of_another_issuer_is_not_believed(skin: Any, authorization_server: HTTPServer):
    base = base_of(authorization_server)
    members = {"issuer": "https://evil.example", "jwks_uri": f"{base}/jwks"}
    authorization_server.expect_request("/.well-known/oauth-authorization-server").respond_with_json(members)
    now = int(system_clock())
    assert_undecided(get(skin, an_api(Issuer(base)), a_token(iss=base, iat=now, exp=now + 300)))


def test_a_good_authorization_server_serves_both_skins(skin: Any, authorization_server: HTTPServer):
    serve_metadata(authorization_server)
    authorization_server.expect_request("/jwks").respond_with_json({"keys": [dict(AS_KEY.public_jwk)]})
    base = base_of(authorization_server)
    now = int(system_clock())
    answer = get(skin, an_api(Issuer(base)), a_token(iss=base, iat=now, exp=now + 300))
    assert (answer.status, answer.json["sub"]) == (200, "alice")


def test_keys_that_were_good_serve_on_while_the_server_is_down(authorization_server: HTTPServer):
    serve_metadata(authorization_server)
    authorization_server.expect_request("/jwks").respond_with_json({"keys": [dict(AS_KEY.public_jwk)]})
    base = base_of(authorization_server)
    server = an_api(Issuer(base))
    now = int(system_clock())
    assert get(SKINS["wsgi"], server, a_token(iss=base, iat=now, exp=now + 300)).status == 200
    authorization_server.clear()
    assert get(SKINS["wsgi"], server, a_token(iss=base, iat=now, exp=now + 300)).status == 200
    assert server.readiness().ready
