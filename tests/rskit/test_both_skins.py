"""The corpus: what Starlette under `asgi_mw` does, Flask under `wsgi_mw` does too."""

from __future__ import annotations

import inspect
import json
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.rskit.mothers import RESOURCE, a_proof, a_server, a_token, bound_token
from tests.rskit.skins import SKINS, Skin

RULES: dict[str, dict[str, Any]] = {
    "/accounts": {},
    "/health": {"public": True},
    "/admin": {"scopes": ("admin", "accounts")},
    "/strong": {"acr": ("phr", "mfa"), "max_age": 300},
    "/bound": {"dpop": "required"},
    "/payments": {"scopes": ("payments",), "details": True},
}


@pytest.fixture(params=sorted(SKINS))
def skin(request: pytest.FixtureRequest) -> Any:
    return lambda server=None, **more: SKINS[request.param](server or a_server(), RULES, **more)


def bearer(**changes: Any) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {a_token(**changes)}")]


def with_proof(token: str, **proof: Any) -> list[tuple[str, str]]:
    return [("authorization", f"DPoP {token}"), ("dpop", a_proof(token, **proof))]


def test_a_good_token_reaches_the_route(skin: Skin):
    answer = skin()("GET", "/accounts", bearer())
    assert (answer.status, answer.json) == (200, {"path": "/accounts", "sub": "alice"})


def test_a_bound_token_reaches_the_route_once_for_each_proof(skin: Skin):
    call, token = skin(), bound_token()
    headers = with_proof(token)
    assert call("GET", "/accounts?page=2", headers).status == 200
    again = call("GET", "/accounts?page=2", headers)
    assert (again.status, again.json["error"]) == (401, "invalid_dpop_proof")


def test_without_credentials_only_public_routes_answer(skin: Skin):
    call = skin()
    assert call("GET", "/health").status == 200
    for path in ("/accounts", "/admin", "/nowhere", "/health/", "/health/../accounts", "//accounts"):
        assert call("GET", path).status == 401, path


@pytest.mark.spec("RFC 6750 3.1")
def test_bad_credentials_are_refused_on_a_public_route_too(skin: Skin):
    answer = skin()("GET", "/health", bearer(exp=1))
    assert (answer.status, answer.json["error"]) == (401, "invalid_token")


@pytest.mark.spec("FAPI2-SP 5.3.4-4", "RFC 6750 3.1")
def test_missing_scopes_are_403_with_all_scopes_of_the_operation(skin: Skin):
    answer = skin()("GET", "/admin", bearer())
    assert answer.status == 403
    assert answer.all("www-authenticate") == [
        (
            'Bearer error="insufficient_scope", error_description="the token does not have all scopes of this '
            'operation", scope="admin accounts", '
            f'resource_metadata="{RESOURCE}/.well-known/oauth-protected-resource"'
        )
    ]


@pytest.mark.spec("RFC 9470 3")
def test_a_weak_sign_in_is_401_and_says_what_would_do(skin: Skin):
    answer = skin()("GET", "/strong", bearer(acr="pwd"))
    assert answer.status == 401
    assert 'error="insufficient_user_authentication"' in answer.all("www-authenticate")[0]
    assert 'acr_values="phr mfa", max_age="300"' in answer.all("www-authenticate")[0]


@pytest.mark.spec("RFC 9396 9")
def test_a_payment_of_another_amount_is_refused(skin: Skin):
    granted = {"type": "payment", "amount": "10.00", "payee": "shop", "consent_id": "c1"}
    call = skin()
    headers = [*bearer(authorization_details=[granted]), ("content-type", "application/json")]
    ten = json.dumps({"type": "payment", "amount": "10.00", "payee": "shop"}).encode()
    assert call("POST", "/payments", headers, ten).status == 200
    other = json.dumps({"type": "payment", "amount": "99.00", "payee": "shop"}).encode()
    answer = call("POST", "/payments", headers, other)
    assert (answer.status, answer.json["error"]) == (403, "insufficient_authorization_details")
    assert answer.json["error_description"].endswith("amount differs")
    assert answer.json["authorization_details"] == [json.loads(other)]
    long = json.dumps({"type": "payment", "amount": "9" * 10_000}).encode()
    refused = call("POST", "/payments", headers, long)
    assert refused.status == 403
    assert len(refused.body) < 500, "what is too long is not repeated"


def test_the_token_s_own_route_may_demand_dpop(skin: Skin):
    call = skin()
    answer = call("GET", "/bound", bearer())
    assert (answer.status, answer.json["error"]) == (401, "invalid_token")
    token = bound_token()
    assert call("GET", "/bound", with_proof(token, url=f"{RESOURCE}/bound")).status == 200


@pytest.mark.spec("RFC 9728 3.1")
def test_the_metadata_is_served_to_everybody(skin: Skin):
    answer = skin()("GET", "/.well-known/oauth-protected-resource")
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert answer.json["resource"] == RESOURCE
    assert skin()("POST", "/.well-known/oauth-protected-resource").status == 401


@pytest.mark.spec("FAPI1-BL 6.2.1-11")
def test_an_interaction_id_is_echoed_or_made(skin: Skin):
    call = skin()
    sent = "2f3b1f0c-1111-4222-8333-444455556666"
    assert call("GET", "/accounts", [("x-fapi-interaction-id", sent)]).header("x-fapi-interaction-id") == sent
    assert len(call("GET", "/health").header("x-fapi-interaction-id") or "") == 36
    assert call("GET", "/health", [("x-fapi-interaction-id", "<script>")]).header(
        "x-fapi-interaction-id"
    ) not in (None, "<script>")


@pytest.mark.spec("FAPI1-BL 6.2.1-12")
@pytest.mark.parametrize("sent", [None, "<script>", "2f3b1f0c-1111-4222-8333-444455556666"])
def test_the_interaction_id_of_the_answer_is_the_one_in_the_trace(
    skin: Skin, sent: str | None, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("DEBUG", "rskit")
    call = skin()
    caplog.clear()
    headers = [] if sent is None else [("x-fapi-interaction-id", sent)]
    answers = [call("GET", path, [*bearer(scope=""), *headers]) for path in ("/admin", "/payments")]
    answers.append(call("GET", "/accounts", headers))
    assert [answer.status for answer in answers] == [403, 403, 401]
    traced = [record.rskit.interaction_id for record in caplog.records]  # type: ignore[attr-defined]
    assert traced == [answer.header("x-fapi-interaction-id") for answer in answers]
    for record, shown in zip(caplog.records, traced, strict=True):
        text = record.getMessage()
        assert text.endswith(f" interaction_id='{shown}'")
        assert "/admin" not in text
        assert "<script>" not in text
    assert len(set(traced)) == (1 if sent and sent[0] == "2" else 3)


@pytest.mark.spec("RFC 9449 9")
def test_the_nonce_dance(skin: Skin):
    server = a_server(profile="fapi2-security")
    call, token = skin(server), bound_token()
    first = call("GET", "/accounts", with_proof(token))
    assert first.status == 401
    assert 'error="use_dpop_nonce"' in first.all("www-authenticate")[0]
    assert first.header("cache-control") == "no-store"
    second = call("GET", "/accounts", with_proof(token, nonce=first.header("dpop-nonce")))
    assert second.status == 200


@pytest.mark.spec("RFC 9396 9")
@pytest.mark.parametrize(
    ("body", "raised"),
    [
        (b"[]", "TypeError"),
        (b'{"type": "payment"}', "KeyError"),
        (b"3", "TypeError"),
        (b'"x"', "TypeError"),
        (b'{"amount": "abc"}', "InvalidOperation"),
        (b'{"amount": "1e999", "pence": true}', "OverflowError"),
        (b'{"amount": "1", "xml": "<a>"}', "ParseError"),
        (b'{"amount": "1", "lines": []}', "StopIteration"),
        (b'{"amount": ""}', "AssertionError"),
    ],
)
def test_a_body_that_details_cannot_read_is_a_400_that_names_it(
    skin: Skin, body: bytes, raised: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "rskit")
    call = skin(details=this_payment)
    headers = [*bearer(authorization_details=[]), ("content-type", "application/json")]
    answer = call("POST", "/payments", headers, body)
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert answer.json["error_description"].endswith(f"raised {raised}")
    assert ".py:" in caplog.text


def this_payment(body: Any) -> Any:
    """Of the body; under ASGI that is to be awaited."""
    if inspect.isawaitable(body):
        return this_payment_awaited(body)
    assert body["amount"], "an amount"
    if "pence" in body:
        int(float(body["amount"]))
    if "xml" in body:
        ET.fromstring(body["xml"])
    if "lines" in body:
        next(iter(body["lines"]))
    return {"type": "payment", "amount": str(Decimal(body["amount"]))}


async def this_payment_awaited(body: Any) -> Any:
    return this_payment(await body)
