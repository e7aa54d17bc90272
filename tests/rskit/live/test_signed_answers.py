"""Signed answers over sockets, in each framework, verified by another library; and answers that cannot be signed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
from http_message_signatures import ContentDigest, HTTPMessageVerifier, VerifyResult, algorithms
from http_message_signatures.resolvers import MappingKeyResolver

from rskit import HttpSignatures
from rskit.policy.body_budget import BodyBudget
from tests.clocks import NOW
from tests.rskit.live.signed_apis import API_KEY, BIG, BODY, KEY, SKINS, Signed, a_client, digest_of, serving
from tests.rskit.mothers import a_server, a_token

TOKEN = a_token()
BOUND = ('"@method";req', '"@target-uri";req')


def server_of(**settings: Any) -> Any:
    given = {
        "clients": {"fintech": a_client(KEY)},
        "required": False,
        "signer": API_KEY,
        "body": BodyBudget(octets=2000),
        **settings,
    }
    return a_server(message_signing=HttpSignatures(**given))


@pytest.fixture(scope="module", params=SKINS)
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    with serving(request.param, server_of()) as url:
        yield url


@pytest.fixture(scope="module", params=SKINS)
def lax(request: pytest.FixtureRequest) -> Iterator[str]:
    with serving(request.param, server_of(streams="unsigned")) as url:
        yield url


class AtAnyTime(HTTPMessageVerifier):
    def validate_created_and_expires(self, *_: Any, **__: Any) -> None:
        """The clock of these tests stands still, and that of the library does not."""


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str]
    request: Signed


def verified(answer: httpx.Response, request: Signed, *components: str) -> VerifyResult:
    """What another library makes of it."""
    verifier = AtAnyTime(
        signature_algorithm=algorithms.ECDSA_P256_SHA256,
        key_resolver=MappingKeyResolver(
            public_keys={API_KEY.kid: API_KEY.public_key.material}, private_keys={}
        ),
    )
    (result,) = verifier.verify(
        Answer(answer.status_code, dict(answer.headers), request),
        expect_tag="fapi-2-response",
        require_components=("@status", *BOUND, *components),
    )
    assert result.parameters["created"] == int(NOW)
    if answer.content:
        assert ContentDigest.verify_components(result.covered_components, answer.content)
    return result


@pytest.mark.spec("FAPI2-HS 2.1-2, -3, -4, -5, -6, -7", "RFC 9421 2.4")
def test_the_answer_to_a_signed_request_is_bound_to_it(base: str) -> None:
    request = Signed(TOKEN).sign()
    answer = request.send(base)
    assert (answer.status_code, answer.content) == (200, BODY)
    bound = ('"content-digest";req', '"signature";req', '"signature-input";req')
    verified(answer, request, "content-digest", "content-type", *bound)


@pytest.mark.parametrize(
    "method, target, status", [("GET", "/pay", 200), ("HEAD", "/pay", 200), ("GET", "/nothing?a=b", 204)]
)
def test_the_answer_to_any_request_is_signed(base: str, method: str, target: str, status: int) -> None:
    request = Signed(TOKEN, method=method, target=target, body=b"")
    answer = request.send(base)
    assert answer.status_code == status, answer.text
    covered = verified(answer, request).covered_components
    assert ('"content-digest"' in covered) == (method == "GET" and status == 200)
    assert '"signature";req' not in covered


def test_the_digest_of_an_unsigned_request_is_compared_and_then_bound(base: str) -> None:
    request = Signed(TOKEN)
    request.headers["content-digest"] = "sha-256=:AAAA:"
    answer = request.send(base)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_signature")
    verified(answer, request, "content-digest", '"content-digest";req')
    request.headers["content-digest"] = digest_of(BODY)
    answer = request.send(base)
    assert answer.content == BODY
    verified(answer, request, "content-digest", '"content-digest";req')


def test_the_refusal_of_a_signed_request_is_bound_to_it(base: str) -> None:
    request = Signed("strange").sign()
    answer = request.send(base)
    assert answer.status_code == 401
    verified(answer, request, '"content-digest";req', '"signature";req', '"signature-input";req')


@pytest.mark.parametrize("target", ["/pay?a=b|c", "/pay?%zz"])
def test_a_target_that_is_no_url_cannot_be_signed(
    base: str, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    connection = HTTPConnection(base.removeprefix("http://"))
    with closing(connection):
        connection.request("GET", target, headers={"authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("signature") is None
    assert "is not signed" in caplog.text


@pytest.mark.spec("FAPI2-HS 2.1-1")
@pytest.mark.parametrize(
    "token, target, status",
    [
        ("strange", "/pay", 401),
        (TOKEN, "/strict", 401),
        (TOKEN, "/none", 404),
        (a_token(scope="x"), "/pay", 403),
    ],
)
def test_refusals_are_signed_too(base: str, token: str, target: str, status: int) -> None:
    request = Signed(token, method="GET", target=target, body=b"")
    answer = request.send(base)
    assert answer.status_code == status
    verified(answer, request)


def test_a_route_may_require_a_signature(base: str) -> None:
    request = Signed(TOKEN, target="/strict")
    assert request.send(base).json()["error"] == "invalid_signature"
    assert Signed(TOKEN, target="/strict").sign().send(base).content == BODY


@pytest.mark.parametrize("target", ["/big"])
def test_an_answer_that_is_too_large_to_be_signed_is_replaced(
    base: str, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    request = Signed(TOKEN, method="GET", target=target, body=b"")
    answer = request.send(base)
    assert (answer.status_code, answer.json()["error"]) == (500, "server_error")
    assert "HttpSignatures(body=)" in caplog.text
    assert 'streams="unsigned"' in caplog.text
    verified(answer, request, "content-digest")


@pytest.mark.parametrize("target, body", [("/big", BIG), ("/stream", b"one two")])
def test_streams_and_large_answers_may_pass_without_a_signature(lax: str, target: str, body: bytes) -> None:
    answer = Signed(TOKEN, method="GET", target=target, body=b"").send(lax)
    assert (answer.status_code, answer.content) == (200, body)
    assert "signature" not in answer.headers
    request = Signed(TOKEN).sign()
    verified(request.send(lax), request, "content-digest")


def test_only_fields_that_are_there_are_covered_besides() -> None:
    with serving("starlette", server_of(answer_fields=["X-Fapi-Interaction-Id", "x-none"])) as url:
        request = Signed(TOKEN, method="GET", target="/pay", body=b"")
        covered = verified(request.send(url), request, "x-fapi-interaction-id").covered_components
    assert '"x-none"' not in covered
