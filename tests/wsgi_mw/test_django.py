"""Django under ProtectMiddleware, through its WSGI and its ASGI handler: views, CSRF, streams."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextvars import copy_context
from typing import Any
from urllib.parse import quote

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from werkzeug.test import Client

import rskit
from fapikit import MemoryStore
from fapikit.certificates import CertificateHeader, ProxyTrust
from fapikit.errors import ConfigurationError
from tests.clocks import FrozenClock
from tests.mothers.certificates import a_certificate
from tests.rskit.django_project import CALLS, SERVERS, configure
from tests.rskit.mothers import RESOURCE, a_proof, a_server, a_token, bound_token
from wsgi_mw import django as on_django

configure()


def accounts(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"sub": on_django.token_of(request).subject})


def whose(request: HttpRequest) -> JsonResponse:
    """What nobody hands a request sees the same token."""
    KEPT[:] = [copy_context()]
    token = rskit.current_token()
    return JsonResponse({"the same": token is request.auth is on_django.token_of(request)})  # type: ignore[attr-defined]


@on_django.public()
def health(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"up": True})


@on_django.Access("admin")
def admin(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"never": True})


@on_django.Access("payments", details=lambda request: json.loads(request.body))
async def payments(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"paid": True})


@method_decorator(on_django.Access("accounts", fresh=True), name="dispatch")
class Fresh(View):
    def get(self, request: HttpRequest) -> JsonResponse:
        token = request.access_token  # type: ignore[attr-defined]
        return JsonResponse({"fresh": True, "the same": token is on_django.token_of(request)})


@on_django.public()
class Open(View):
    def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({"open": True})


class Derived(Open):
    pass


CLOCK = FrozenClock()
KEPT: list[Any] = []


def feed(request: HttpRequest) -> StreamingHttpResponse:
    def events() -> Iterator[str]:
        assert rskit.current_token().subject == "alice"
        yield "1"
        CLOCK.advance(400)
        yield "2"

    async def aevents() -> AsyncIterator[str]:
        for event in events():
            yield event

    return StreamingHttpResponse(aevents() if hasattr(request, "scope") else events())


urlpatterns = [
    path("feed", feed),
    path("open", Open.as_view()),
    path("derived", Derived.as_view()),
    path("accounts", accounts),
    path("whose", whose),
    path("health", health),
    path("admin", admin),
    path("payments", payments),
    path("fresh", Fresh.as_view()),
]


@pytest.fixture(scope="module", autouse=True)
def _urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture
def server() -> None:
    SERVERS[0] = a_server()


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest, server: None) -> Any:
    return CALLS[request.param]


def test_a_token_reaches_a_view_without_a_rule(call: Any):
    status, headers, body = call("GET", "/accounts", {"Authorization": f"Bearer {a_token()}"})
    assert (status, json.loads(body)) == (200, {"sub": "alice"})
    assert len(headers["x-fapi-interaction-id"]) == 36


def test_code_without_a_request_sees_its_token_too(call: Any):
    status, _, body = call("GET", "/whose", {"Authorization": f"Bearer {a_token()}"})
    assert (status, json.loads(body)) == (200, {"the same": True})
    with pytest.raises(RuntimeError, match="there is no current request"):
        rskit.current_token()
    with pytest.raises(RuntimeError, match="is over"):
        KEPT[0].run(rskit.current_token)


def test_a_proof_is_good_once(call: Any):
    token = bound_token()
    headers = {"Authorization": f"DPoP {token}", "DPoP": a_proof(token)}
    assert call("GET", "/accounts", headers)[0] == 200
    assert call("GET", "/accounts", headers)[0] == 401


def test_only_public_views_answer_a_stranger(call: Any):
    assert call("GET", "/health", {})[0] == 200
    for target in ("/accounts", "/admin", "/fresh", "/nowhere"):
        status, headers, _ = call("GET", target, {})
        assert status == 401, target
        sent = ", ".join(
            headers.getlist("www-authenticate")
            if hasattr(headers, "getlist")
            else [headers["www-authenticate"]]
        )
        assert "DPoP algs=" in sent
        assert "Bearer resource_metadata=" in sent


def test_bad_credentials_are_refused_on_a_public_view_too(call: Any):
    assert call("GET", "/health", {"Authorization": f"Bearer {a_token(exp=1)}"})[0] == 401


def test_a_scope_that_is_missing_is_403(call: Any):
    status, headers, body = call("GET", "/admin", {"Authorization": f"Bearer {a_token()}"})
    assert (status, json.loads(body)["error"]) == (403, "insufficient_scope")
    assert 'scope="admin"' in headers["www-authenticate"]


def test_details_cover_the_request_and_csrf_does_not_stand_in_the_way(call: Any):
    granted = {"type": "payment", "amount": "1"}
    headers = {"Authorization": f"Bearer {a_token(authorization_details=[granted])}"}
    assert call("POST", "/payments", headers, json.dumps(granted).encode())[0] == 200
    other = json.dumps({**granted, "amount": "2"}).encode()
    assert call("POST", "/payments", headers, other)[0] == 403


def test_a_class_based_view_may_demand_a_fresh_check(call: Any):
    status, _, body = call("GET", "/fresh", {"Authorization": f"Bearer {a_token()}"})
    # A fresh check makes a token anew: what the view sees is that one, wherever it looks.
    assert (status, json.loads(body)) == (200, {"fresh": True, "the same": True})


def test_what_derives_from_a_public_class_is_not_public(call: Any):
    assert (call("GET", "/open", {})[0], call("GET", "/derived", {})[0]) == (200, 401)


def test_the_metadata_is_served(call: Any):
    status, _, body = call("GET", "/.well-known/oauth-protected-resource", {})
    assert (status, json.loads(body)["resource"]) == (200, RESOURCE)


@pytest.mark.spec("FAPI2-SP 5.3.4-3")
def test_a_stream_ends_between_two_chunks_when_its_token_has_ended(call: Any):
    SERVERS[0] = a_server(clock=CLOCK)
    now = int(CLOCK())
    token = a_token(iat=now, exp=now + 300)
    status, _, body = call("GET", "/feed", {"Authorization": f"Bearer {token}"})
    assert (status, body) == (200, b"1")


@pytest.mark.spec("FAPI1-BL 6.2.1-12")
def test_the_interaction_id_that_is_made_here_is_in_the_trace(call: Any, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG", "rskit")
    SERVERS[0] = a_server()
    caplog.clear()
    _, headers, _ = call("GET", "/admin", {"Authorization": f"Bearer {a_token()}"})
    (record,) = (record for record in caplog.records if record.name == "rskit")
    assert record.rskit.interaction_id == headers["x-fapi-interaction-id"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("setting", [None, "rskit.ResourceServer", "rskit.Token"])
def test_django_s_setting_names_an_object_not_a_class(setting: Any):
    with (
        override_settings(FAPIKIT_RESOURCE_SERVER=setting),
        pytest.raises(
            ConfigurationError, match=r"FAPIKIT_RESOURCE_SERVER takes a .*ResourceServer\(resource"
        ),
    ):
        on_django.ProtectMiddleware(lambda request: request)


def test_several_processes_that_would_each_take_a_proof_answer_nothing():
    SERVERS[0] = a_server(profile="fapi2-security", nonces=False)
    client = Client(WSGIHandler())
    statuses = [
        client.get("/health", environ_overrides={"wsgi.multiprocess": several}).status_code
        for several in (False, True)
    ]
    assert statuses == [200, 503]


class SyncOnly:
    """A middleware of old style: Django then runs those before it in threads, in their sync mode, under ASGI too."""

    def __init__(self, get_response: Any) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self._get_response(request)


@pytest.mark.parametrize("others", [[], [f"{__name__}.SyncOnly"]], ids=["alone", "before one that is sync"])
@pytest.mark.parametrize("nonces", [False, b"n" * 32], ids=["no nonces", "a nonce key"])
def test_under_asgi_one_process_that_takes_proofs_answers_whatever_middleware_stands_behind(
    others: list[str], nonces: Any
):
    SERVERS[0] = server = a_server(profile="fapi2-security", nonces=nonces, store=MemoryStore())
    assert server.one_process, "under WSGI it would ask the server how many there are"
    token = bound_token()
    nonce = {} if server.nonces is None else {"nonce": server.nonces.issue(server.clock())}
    with override_settings(MIDDLEWARE=["wsgi_mw.django.ProtectMiddleware", *others]):
        headers = {"Authorization": f"DPoP {token}", "DPoP": a_proof(token, **nonce)}
        assert CALLS["asgi"]("GET", "/accounts", headers)[0] == 200
        assert CALLS["asgi"]("GET", "/accounts", headers)[0] == 401, "the proof was used"


@pytest.mark.parametrize("handler", CALLS)
@pytest.mark.parametrize(("trusted", "expected"), [("127.0.0.1", 200), ("10.0.0.0/8", 401)])
def test_a_certificate_that_a_proxy_hands_on(handler: str, trusted: str, expected: int):
    client = a_certificate()
    digest = hashlib.sha256(client.der).digest()
    header = CertificateHeader("nginx", trust=ProxyTrust.of([trusted]))
    SERVERS[0] = a_server(client_certificates=header)
    bound = a_token(cnf={"x5t#S256": base64.urlsafe_b64encode(digest).rstrip(b"=").decode()})
    headers = {"Authorization": f"Bearer {bound}", "X-SSL-Client-Cert": quote(client.pem, safe="")}
    assert CALLS[handler]("GET", "/accounts", headers)[0] == expected
    broken = CALLS[handler]("GET", "/accounts", {**headers, "X-SSL-Client-Cert": "MIIB"})[0]
    assert broken == (400 if expected == 200 else 401)


@pytest.mark.parametrize("handler", CALLS)
@pytest.mark.parametrize(("trusted", "expected"), [("127.0.0.1", 200), ("10.0.0.0/8", 401)])
def test_a_prefix_that_a_proxy_has_stripped(handler: str, trusted: str, expected: int):
    SERVERS[0] = a_server(forwarded_prefix=ProxyTrust.of([trusted]))
    token = bound_token()
    proof = a_proof(token, url="https://api.example/bank/accounts")
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof, "X-Forwarded-Prefix": "/bank"}
    assert CALLS[handler]("GET", "/accounts", headers)[0] == expected
