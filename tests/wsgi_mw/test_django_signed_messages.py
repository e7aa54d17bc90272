"""Signed requests and answers under the middleware of Django, through its WSGI and its ASGI handler."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from fapikit.flow import run_pure
from fapikit.jose.key_set import KeySet
from fapikit.secrets import Concealed
from fapikit.signed_messages.detached_jws import ExpectedSigner, verify_detached
from fapikit.signed_messages.settings import PS256
from rskit import DetachedJws, JwtBodies, SigningClient
from rskit.policy.body_budget import BodyBudget
from tests.clocks import NOW
from tests.detached import BANK, BANK_KEY, BODY, FINTECH, FINTECH_KEY, signed_field
from tests.keys import claims_of, mint
from tests.rskit.django_project import CALLS, SERVERS, configure
from tests.rskit.mothers import RESOURCE, a_server, a_token
from wsgi_mw import django as on_django

configure()
CLIENTS = {"fintech": SigningClient(names=(FINTECH,), jwks={"keys": [FINTECH_KEY.public_jwk]})}
COMMON: dict[str, Any] = {
    "clients": CLIENTS,
    "signer": BANK_KEY,
    "issuer": BANK,
    "body": BodyBudget(octets=5000),
}
PAID: list[bytes] = []


def pay(request: HttpRequest) -> JsonResponse:
    PAID.append(request.body)
    return JsonResponse(
        {
            "got": request.body.decode(),
            "type": request.content_type,
            "accepts": request.headers.get("accept"),
            "coding": request.headers.get("accept-encoding"),
            "evidence": on_django.checked_request_of(request).signature is not None,
        },
        status=201,
    )


async def apay(request: HttpRequest) -> JsonResponse:
    return pay(request)


@on_django.Access(signed=True)
def signed(request: HttpRequest) -> HttpResponse:
    response = JsonResponse({"signed": True})
    response.set_cookie("seen", "1")
    return response


def parts(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        yield b'{"a": '
        yield b"1}"

    async def achunks() -> AsyncIterator[bytes]:
        for chunk in chunks():
            yield chunk

    streamed = achunks() if hasattr(request, "scope") else chunks()
    return StreamingHttpResponse(streamed, content_type="application/json", headers={"x-kept": "1"})


def long(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"x" * 6000)


@on_django.Access("administration")
def closed(request: HttpRequest) -> JsonResponse:
    return JsonResponse({})


@on_django.public()
def health(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"up": True})


VIEWS: list[Any] = [pay, apay, signed, parts, long, closed, health]
urlpatterns = [path(view.__name__, view) for view in VIEWS]


@pytest.fixture(scope="module", autouse=True)
def _urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield
    SERVERS[0] = a_server()


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Any:
    SERVERS[0] = a_server(message_signing=DetachedJws(**COMMON))

    def send(target: str, field: str | None, body: bytes = BODY, method: str = "POST", **headers: str) -> Any:
        PAID.clear()
        sent = {
            "Authorization": f"Bearer {a_token()}",
            "Content-Type": "application/json",
            "Accept-Encoding": "gzip",
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return CALLS[request.param](
            method, target, sent | ({"x-jws-signature": field} if field else {}), body
        )

    return send


def verified(headers: Any, body: bytes) -> bool:
    expected = ExpectedSigner(issuers=(BANK,), anchors=("openbanking.org.uk",), now=NOW, skew=0, max_age=1)
    values = [value for name, value in headers.items() if name.lower() == "x-jws-signature"]
    keys = KeySet([BANK_KEY.public_key])
    return bool(
        run_pure(verify_detached(values, Concealed(body), keys=keys, algorithms=PS256, expected=expected))
    )


@pytest.mark.spec("UK-JWS 1")
@pytest.mark.parametrize("view", ["/pay", "/apay"])
def test_a_signed_request_is_answered_signed(call: Any, view: str) -> None:
    status, headers, body = call(view, signed_field())
    assert status == 201
    found = json.loads(body)
    assert (found["got"].encode(), found["evidence"], found["coding"]) == (BODY, True, None)
    assert verified(headers, body)
    assert headers["content-length"] == str(len(body))


@pytest.mark.spec("UK-JWS 6")
@pytest.mark.parametrize(
    "field, body, more, status, code",
    [
        (None, BODY, {}, 400, "UK.OBIE.Signature.Missing"),
        (signed_field(), BODY + b" ", {}, 400, "UK.OBIE.Signature.Invalid"),
        (signed_field(body=b""), b"", {}, 400, "UK.OBIE.Signature.Unexpected"),
        (f"{signed_field()},{signed_field()}", BODY, {}, 400, "UK.OBIE.Signature.Malformed"),
        (signed_field(), b"x" * 5001, {}, 413, "invalid_request"),
        (signed_field(), gzip.compress(BODY), {"Content_Encoding": "gzip"}, 415, "invalid_request"),
        (signed_field(), BODY, {"Authorization": f"Bearer {a_token(client_id='x')}"}, 403, "invalid_client"),
        (signed_field(), BODY, {"Authorization": "Bearer wrong"}, 401, "invalid_token"),
    ],
    ids=[
        "unsigned",
        "another-body",
        "no-body",
        "twice",
        "too-long",
        "compressed",
        "unknown-client",
        "bad-token",
    ],
)
def test_what_is_refused_does_not_reach_the_view(
    call: Any, field: str | None, body: bytes, more: dict[str, str], status: int, code: str
) -> None:
    found, _, answer = call("/pay", field, body, **more)
    assert (found, json.loads(answer)["error"]) == (status, code)
    assert PAID == []


def test_a_streamed_answer_is_signed_when_it_is_whole(call: Any) -> None:
    status, headers, body = call("/parts", signed_field())
    assert (status, body, headers["x-kept"]) == (200, b'{"a": 1}', "1")
    assert headers["content-type"] == "application/json"
    assert verified(headers, body)


def test_an_answer_that_is_too_long_is_not_sent(call: Any) -> None:
    status, headers, body = call("/long", None, b"", "GET")
    assert (status, json.loads(body)["error"]) == (503, "temporarily_unavailable")
    assert "x-jws-signature" not in headers


def test_the_rules_of_the_views_stay(call: Any) -> None:
    status, headers, body = call("/signed", signed_field())
    assert (status, json.loads(body)) == (200, {"signed": True})
    assert "seen=1" in headers["set-cookie"]
    status, _, body = call("/closed", signed_field())
    assert (status, json.loads(body)["error"]) == (403, "insufficient_scope")
    assert call("/signed", None, b"", "GET")[0] == 400
    status, headers, _ = call("/health", None, b"anything", Authorization="")
    assert "x-jws-signature" not in headers


def test_a_body_that_is_a_jwt_is_json_for_the_view(call: Any) -> None:
    SERVERS[0] = a_server(message_signing=JwtBodies(**COMMON))

    def order(**changes: Any) -> bytes:
        claims = {
            "aud": f"{RESOURCE}/pay",
            "iss": FINTECH,
            "iat": int(NOW),
            "jti": str(uuid.uuid4()),
            "data": {},
        }
        return mint({**claims, **changes}, FINTECH_KEY, typ="JWT").encode()

    jwt = order()
    for expected in (201, 403):
        status, headers, body = call(
            "/pay", None, jwt, Content_Type="application/jwt", Accept="application/jwt"
        )
        assert status == expected
        if expected == 201:
            claims = claims_of(body.decode())
            assert headers["content-type"] == "application/jwt"
            assert (claims["got"], claims["aud"]) == ('{"data":{}}', FINTECH)
            assert (claims["type"], claims["accepts"]) == ("application/json", "application/json")
    assert call("/pay", None, order(aud="x"), Content_Type="application/jwt")[0] == 400
    assert call("/pay", None, b"{}")[0] == 400
