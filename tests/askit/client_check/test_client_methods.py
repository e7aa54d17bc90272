"""Every client authentication method where a profile allows it, and its refusal where not."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest

from askit.errors import InvalidClientMetadata
from fapikit import HttpSettings
from fapikit.errors import StoreUnavailable
from tests.askit.bank import FINTECH, Bank
from tests.askit.plain_client import ASSERTION_TYPE, ISSUER, PlainClient
from tests.keys import a_key, hmac_of, jws_of

pytestmark = pytest.mark.anyio

SECRET = "a secret: with spaces, a colon & more than 32 octets"
METHODS = ("client_secret_basic", "client_secret_post", "client_secret_jwt", "none", "private_key_jwt")


def _registered(method: str, **more: Any) -> dict[str, Any]:
    client = {**FINTECH, "client_id": method, "token_endpoint_auth_method": method, **more}
    if method.startswith("client_secret"):
        client["client_secret"] = SECRET
    return client


@pytest.fixture
def oauth() -> Bank:
    resources = [{"uri": "https://api.example.test/", "scopes": ["accounts"]}]
    return Bank(
        profile="oauth-2.1",
        clients=[_registered(method) for method in METHODS],
        resources=resources,
        authorization_details_types=None,
    )


def _basic(client_id: str, secret: str) -> dict[str, str]:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _hmac_assertion(
    client: PlainClient, secret: str = SECRET, alg: str = "HS256", **claims: Any
) -> dict[str, str]:
    now = int(client.clock())
    members = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": ISSUER,
        "exp": now + 60,
        "jti": f"jti-{claims.get('n', 0)}",
        **claims,
    }
    assertion = jws_of(
        json.dumps({"alg": alg}).encode(),
        json.dumps(members).encode(),
        lambda octets: hmac_of(secret.encode(), octets),
    )
    return {
        "client_id": client.client_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }


async def _ask(
    client: PlainClient, form: dict[str, str], headers: dict[str, str] | None = None
) -> tuple[int, str, httpx.Response]:
    """A client_credentials request: it needs nothing but the client."""
    response = await client.post(
        "/token", {"grant_type": "client_credentials", "scope": "accounts", **form}, headers
    )
    return response.status_code, response.json().get("error", ""), response


async def test_client_secret_basic(oauth: Bank) -> None:
    client = oauth.client("client_secret_basic")
    assert (await _ask(client, {}, _basic("client_secret_basic", SECRET)))[0] == 200
    status, error, response = await _ask(client, {}, _basic("client_secret_basic", "wrong"))
    assert (status, error) == (401, "invalid_client")
    assert response.headers["www-authenticate"].startswith("Basic")


MALFORMED = [
    "Basic",
    "Basic !!!",
    "Bearer x",
    *(
        f"Basic {b64encode(pair).decode()}"
        for pair in (b"no-colon", b"a:b:c", b":secret", bytes([255, 58, 255]))
    ),
]


@pytest.mark.parametrize("header", MALFORMED)
async def test_a_malformed_basic_header_is_refused(oauth: Bank, header: str) -> None:
    client = oauth.client("client_secret_basic")
    assert (await _ask(client, {}, {"authorization": header}))[:2] == (401, "invalid_client")


async def test_client_secret_post(oauth: Bank) -> None:
    client = oauth.client("client_secret_post")
    form = {"client_id": "client_secret_post", "client_secret": SECRET}
    assert (await _ask(client, form))[0] == 200
    assert (await _ask(client, {**form, "client_secret": "wrong"}))[:2] == (401, "invalid_client")


async def test_client_secret_jwt(oauth: Bank) -> None:
    client = oauth.client("client_secret_jwt")
    assert (await _ask(client, _hmac_assertion(client)))[0] == 200
    assert (await _ask(client, _hmac_assertion(client)))[:2] == (401, "invalid_client")  # the same jti
    for n, nothing in enumerate((None, ""), 10):
        empty = _hmac_assertion(client, iat=nothing, nbf=nothing, n=n)
        assert (await _ask(client, empty))[0] == 200, "an optional claim without a value is absent"
    for broken in (
        _hmac_assertion(client, secret="another secret of more than 32 octets", n=1),
        _hmac_assertion(client, aud=f"{ISSUER}/token", n=2),
        _hmac_assertion(client, sub="none", n=3),
        _hmac_assertion(client, alg="HS512", n=4),
        _hmac_assertion(client, exp=int(client.clock()) - 60, n=5),
    ):
        assert (await _ask(client, broken))[:2] == (401, "invalid_client")


@pytest.mark.spec("RFC 8725 3.1")
async def test_a_public_key_is_no_secret(oauth: Bank) -> None:
    """HS256 with the public key as the secret, for a client of private_key_jwt."""
    client = oauth.client("private_key_jwt")
    public = json.dumps(dict(a_key("ES256", 1).public_jwk))
    assert (await _ask(client, _hmac_assertion(client, secret=public)))[:2] == (401, "invalid_client")


async def test_none(oauth: Bank) -> None:
    """A public client names itself, and PKCE protects its code."""
    client = oauth.client("none")
    request_uri = (await client.push(authentication={"client_id": "none"})).json()["request_uri"]
    callback = dict(
        pair.split("=")
        for pair in (await client.decide(request_uri)).headers["location"].split("?")[1].split("&")
    )
    form = {**client.code_form(callback["code"]), "client_id": "none"}
    assert (await client.post("/token", form)).status_code == 200


@pytest.mark.spec("RFC 9449 5d")
async def test_a_public_clients_refresh_token_is_bound_to_its_key(oauth: Bank) -> None:
    """RFC 9449 5d"""
    client = oauth.client("none")
    request_uri = (await client.push(authentication={"client_id": "none"})).json()["request_uri"]
    location = (await client.decide(request_uri)).headers["location"]
    code = location.split("code=")[1].split("&")[0]
    public = {"client_id": "none"}
    tokens = (await client.token(client.code_form(code), authentication=public)).json()
    assert tokens["token_type"] == "DPoP"
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    stolen = await client.token(form, authentication=public, key=a_key("ES256", 12))
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (await client.token(form, authentication=public)).status_code == 200


@pytest.mark.parametrize("method", METHODS)
async def test_a_client_uses_its_registered_method_only(oauth: Bank, method: str) -> None:
    client = oauth.client(method)
    ways: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "client_secret_basic": ({}, _basic(method, SECRET)),
        "client_secret_post": ({"client_id": method, "client_secret": SECRET}, {}),
        "none": ({"client_id": method}, {}),
        "client_secret_jwt": (_hmac_assertion(client, n=9), {}),
        "private_key_jwt": (client.authentication(), {}),
    }
    for way, (form, headers) in ways.items():
        status, error, _ = await _ask(client, form, headers)
        if way == method == "none":
            assert (status, error) == (400, "unauthorized_client")  # recognised, and not one for this grant
        elif way == method:
            assert status == 200, way
        else:
            assert (status, error) == (401, "invalid_client"), way


async def test_a_bearer_token_where_the_profile_lets_it(oauth: Bank) -> None:
    client = oauth.client("client_secret_post")
    form = {"client_id": "client_secret_post", "client_secret": SECRET}
    assert (await _ask(client, form))[2].json()["token_type"] == "Bearer"


@pytest.mark.spec("RFC 9449 5.2")
async def test_dpop_bound_access_tokens_holds_a_client_to_its_word() -> None:
    """RFC 9449 5.2"""
    bank = Bank(
        profile="oauth-2.1",
        clients=[_registered("client_secret_post", dpop_bound_access_tokens=True)],
        resources=[{"uri": "https://api.example.test/", "scopes": ["accounts"]}],
        authorization_details_types=None,
    )
    form = {"client_id": "client_secret_post", "client_secret": SECRET}
    assert (await _ask(bank.client("client_secret_post"), form))[:2] == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("method", [m for m in METHODS if m != "private_key_jwt"])
@pytest.mark.spec("FAPI2-SP 5.3.2.1-6", "FAPI2-SP 5.3.2.1-3")
def test_fapi_2_refuses_to_be_configured_with_other_methods(method: str) -> None:
    with pytest.raises(InvalidClientMetadata) as refused:
        Bank(clients=[_registered(method)], resources=None, authorization_details_types=None)
    assert refused.value.clause == ("FAPI2-SP 5.3.2.1-3" if method == "none" else "FAPI2-SP 5.3.2.1-6")
    assert method in refused.value.message


async def test_keys_behind_a_jwks_uri() -> None:
    """Fetched once; a rotated key is found by one refetch."""
    served = {"keys": [dict(a_key("ES256", 1).public_jwk)]}
    fetched: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        fetched.append(str(request.url))
        return httpx.Response(200, json=served)

    uri = "https://fintech.example.test/jwks"
    registered = {name: value for name, value in FINTECH.items() if name != "jwks"}
    http = HttpSettings(async_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    bank = Bank(
        http=http, clients=[{**registered, "jwks_uri": uri}], resources=None, authorization_details_types=None
    )
    client = bank.client()
    scope = {"scope": "openid"}
    for _ in range(3):
        assert (await client.push(client.request(**scope))).status_code == 201
    assert fetched == [uri]
    served["keys"] = [dict(a_key("ES256", 2).public_jwk)]
    client.key = a_key("ES256", 2)
    assert (await client.push(client.request(**scope))).status_code == 201
    assert fetched == [uri, uri]


async def test_a_store_that_does_not_answer_is_a_503_never_a_401(bank: Bank, client: PlainClient) -> None:
    async def fails(*_: object) -> bool:
        raise StoreUnavailable("the store is away")

    bank.store.aadd = fails  # type: ignore[method-assign]
    response = await client.push()
    assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
    assert response.headers["retry-after"]
