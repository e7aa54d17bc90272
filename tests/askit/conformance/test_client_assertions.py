"""The certification modules about private_key_jwt, at the token and the PAR endpoint (FAPI 2 OP, final)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.plain_client import ISSUER, PlainClient
from tests.keys import a_key, b64, claims_of, mint

pytestmark = pytest.mark.anyio


async def _token_error(client: PlainClient, authentication: dict[str, str]) -> tuple[int, str]:
    form = client.code_form(await client.code())
    await client.token(form, proof=False)  # brings the DPoP nonce
    response = await client.token(form, authentication=authentication)
    return response.status_code, response.json().get("error", "")


@pytest.mark.conformance("fapi2-op", "ensure-signed-client-assertion-with-RS256-fails")
async def test_ensure_signed_client_assertion_with_rs256_fails() -> None:
    rsa = a_key("PS256", 1)
    bank = Bank(
        clients=[{**FINTECH, "jwks": {"keys": [{**rsa.public_jwk, "alg": "RS256"}]}}, OTHER, *_apis()]
    )
    client = bank.client(key=a_key("RS256", 1))
    response = await client.push()
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.conformance("fapi2-op", "ensure-client-assertion-in-token-endpoint")
async def test_ensure_client_assertion_in_token_endpoint(client: PlainClient) -> None:
    assert await _token_error(client, {"client_id": client.client_id}) == (401, "invalid_client")


@pytest.mark.spec("RFC 7521 5.2")
@pytest.mark.conformance("fapi2-op")
@pytest.mark.parametrize(
    ("module", "claims"),
    [
        ("ensure-client-assertion-with-exp-is-5-minutes-in-past-fails", {"exp": -300}),
        ("ensure-client-assertion-with-wrong-aud-fails", {"aud": "https://other.example.test"}),
        ("ensure-client-assertion-with-no-sub-fails", {"sub": None}),
        ("no iss", {"iss": None}),
        ("no aud", {"aud": None}),
        ("no exp", {"exp": None}),
        ("no jti", {"jti": None}),
        ("sub of another client", {"sub": "other"}),
        ("iss of another client", {"iss": "other"}),
        ("exp beyond a day", {"exp": 2 * 86_400}),
        ("iat more than 60 s ahead", {"iat": 61}),
    ],
)
@pytest.mark.spec("RFC 7523 3-1", "RFC 7523 3-2", "RFC 7523 3-4")
async def test_a_broken_assertion_is_refused(
    client: PlainClient, module: str, claims: dict[str, Any]
) -> None:
    now = int(client.clock())
    moved = {name: now + v if name in ("exp", "iat") and v is not None else v for name, v in claims.items()}
    assert await _token_error(client, client.authentication(**moved)) == (401, "invalid_client"), module


@pytest.mark.conformance(
    "fapi2-op", "par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted"
)
@pytest.mark.spec("FAPI2-SP 5.3.2.1-13")
async def test_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(
    client: PlainClient,
) -> None:
    nbf = int(client.clock()) + 8
    assert (await client.push(authentication=client.authentication(nbf=nbf, iat=nbf))).status_code == 201


@pytest.mark.conformance(
    "fapi2-op", "par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails"
)
@pytest.mark.spec("FAPI2-SP 5.3.2.1-13")
async def test_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(
    client: PlainClient,
) -> None:
    nbf = int(client.clock()) + 61
    response = await client.push(authentication=client.authentication(nbf=nbf, exp=nbf + 60))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.conformance("fapi2-op")
@pytest.mark.parametrize(
    ("module", "aud"),
    [
        ("par-test-array-as-audience-fails", [ISSUER]),
        ("par-test-array-as-audience-fails", [ISSUER, f"{ISSUER}/par"]),
        ("par-test-par-endpoint-url-as-audience-fails", f"{ISSUER}/par"),
        ("par-test-token-endpoint-url-as-audience-fails", f"{ISSUER}/token"),
        ("a trailing slash", f"{ISSUER}/"),
        ("one character more", f"{ISSUER}1"),
    ],
)
@pytest.mark.spec("FAPI2-SP 5.3.2.1-8")
@pytest.mark.spec("rfc7523bis 5")
async def test_par_audience_other_than_the_issuer_as_one_string_fails(
    client: PlainClient, module: str, aud: Any
) -> None:
    response = await client.push(authentication=client.authentication(aud=aud))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client"), module


@pytest.mark.spec("OIDC 9")
async def test_an_assertion_serves_once(client: PlainClient) -> None:
    authentication = client.authentication()
    assert (await client.push(authentication=authentication)).status_code == 201
    again = await client.push(authentication=authentication)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


@pytest.mark.spec("RFC 7523 3-9")
async def test_an_assertion_signed_by_another_clients_key_is_refused(client: PlainClient) -> None:
    response = await client.push(authentication=client.authentication(key=a_key("ES256", 2)))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


async def test_an_unsigned_assertion_is_refused(client: PlainClient) -> None:
    unsigned = f"{b64(json.dumps({'alg': 'none'}).encode())}.{client.assertion().split('.')[1]}."
    response = await client.push(authentication=client.authentication(unsigned))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.spec("rfc7523bis 4b", "rfc7523bis 4c")
@pytest.mark.parametrize(
    ("typ", "status"), [(None, 201), ("client-authentication+jwt", 201), ("JWT", 201), ("at+jwt", 401)]
)
async def test_an_absent_typ_is_accepted_and_another_kinds_is_not(
    client: PlainClient, typ: str | None, status: int
) -> None:
    assertion = mint(claims_of(client.assertion()), client.key, typ=typ)
    assert (await client.push(authentication=client.authentication(assertion))).status_code == status


@pytest.mark.conformance("fapi2-op", "ensure-client-id-in-token-endpoint")
async def test_ensure_client_id_in_token_endpoint(client: PlainClient) -> None:
    authentication = {**client.authentication(), "client_id": "other"}
    assert await _token_error(client, authentication) == (401, "invalid_client")


@pytest.mark.spec("RFC 6749 2.3")
async def test_two_methods_at_once_are_refused(client: PlainClient) -> None:
    authentication = {**client.authentication(), "client_secret": "guess"}
    response = await client.push(authentication=authentication)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


async def test_an_unknown_assertion_type_is_refused(client: PlainClient) -> None:
    authentication = {**client.authentication(), "client_assertion_type": "urn:example:other"}
    response = await client.push(authentication=authentication)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


async def test_the_registered_algorithm_is_the_only_one() -> None:
    keys = {"keys": [dict(a_key("ES256", 1).public_jwk), dict(a_key("Ed25519", 1).public_jwk)]}
    registered = {**FINTECH, "jwks": keys, "token_endpoint_auth_signing_alg": "ES256"}
    client = Bank(clients=[registered, *_apis()]).client()
    assert (await client.push()).status_code == 201
    refused = await client.push(authentication=client.authentication(key=a_key("Ed25519", 1)))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def _apis() -> list[dict[str, Any]]:
    return [an_api("accounts-api", 3), an_api("payments-api", 4)]
