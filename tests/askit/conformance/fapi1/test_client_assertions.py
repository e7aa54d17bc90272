"""The FAPI 1.0 Advanced modules about private_key_jwt, over real TLS, at the token and the PAR endpoint.

Each is named as the module is. On audiences FAPI 1 is the opposite of FAPI 2.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.askit.fapi1.advanced import RSA, an_object, login, moved
from tests.askit.fapi1.answers import error_of
from tests.askit.plain_client import PlainClient

pytestmark = pytest.mark.anyio


async def _at(endpoint: str, client: PlainClient, authentication: dict[str, str]) -> httpx.Response:
    if endpoint == "/par":
        request_object = client.request_object(response_type="code id_token")
        return await client.push({"request": request_object}, authentication=authentication)
    code = (await login(client, an_object(client)))[1]["code"]
    form = client.code_form(code, code_verifier=None)
    return await client.token(form, authentication=authentication, proof=False)


BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("ensure-client-assertion-with-exp-is-5-minutes-in-past-fails", "/token", {"exp": -300}),
    ("ensure-client-assertion-with-wrong-aud-fails", "/token", {"aud": "https://other.example.test"}),
    ("ensure-client-assertion-with-no-sub-fails", "/token", {"sub": None}),
    ("ensure-client-assertion-with-wrong-iss-fails", "/token", {"iss": "other"}),
    ("ensure-client-assertion-with-wrong-sub-fails", "/token", {"sub": "other"}),
    ("par-ensure-client-assertion-with-wrong-aud-fails", "/par", {"aud": "https://other.example.test"}),
    ("par-ensure-client-assertion-with-wrong-iss-fails", "/par", {"iss": "other"}),
    ("par-ensure-client-assertion-with-wrong-sub-fails", "/par", {"sub": "other"}),
]


@pytest.mark.conformance("fapi1-op")
@pytest.mark.spec("FAPI1-ADV 5.2.2-14")
@pytest.mark.parametrize(("module", "endpoint", "claims"), BROKEN, ids=[row[0] for row in BROKEN])
async def test_a_broken_one(client: PlainClient, module: str, endpoint: str, claims: dict[str, Any]) -> None:
    answer = await _at(endpoint, client, client.authentication(**moved(client, claims)))
    assert error_of(answer)[:2] == (401, "invalid_client"), module


TAKEN: list[tuple[str, str, Any]] = [
    ("ensure-client-assertion-with-iss-aud-succeeds", "/token", "{issuer}"),
    ("the token endpoint", "/token", "{issuer}/token"),
    ("test-array-as-audience-for-client-JWT-assertion", "/token", ["{issuer}/token"]),
    ("the issuer", "/par", "{issuer}"),
    ("par-test-pushed-authorization-url-as-audience-for-client-JWT-assertion", "/par", "{issuer}/par"),
    ("par-token-endpoint-url-as-audience-for-client-JWT-assertion", "/par", "{issuer}/token"),
    ("an array", "/par", ["{issuer}", "https://other.example.test"]),
]


@pytest.mark.conformance("fapi1-op")
@pytest.mark.spec("RFC 9126 2b", "RFC 7523 3-3")
@pytest.mark.parametrize(("module", "endpoint", "aud"), TAKEN, ids=[row[0] for row in TAKEN])
async def test_an_audience_that_is_taken(client: PlainClient, module: str, endpoint: str, aud: Any) -> None:
    said = [each.format(issuer=client.issuer) for each in ([aud] if isinstance(aud, str) else aud)]
    meant = said[0] if isinstance(aud, str) else said
    answer = await _at(endpoint, client, client.authentication(aud=meant))
    assert answer.status_code == {"/token": 200, "/par": 201}[endpoint], module


@pytest.mark.conformance("fapi1-op", "ensure-signed-client-assertion-with-RS256-fails")
@pytest.mark.spec("FAPI1-ADV 8.6-1, -2")
@pytest.mark.parametrize("endpoint", ["/token", "/par"])
async def test_ensure_signed_client_assertion_with_rs256_fails(client: PlainClient, endpoint: str) -> None:
    answer = await _at(endpoint, client, client.authentication(key=RSA))
    assert error_of(answer) == (401, "invalid_client", "FAPI1-ADV 8.6-1")


@pytest.mark.conformance("fapi1-op", "ensure-client-assertion-in-token-endpoint")
@pytest.mark.parametrize("endpoint", ["/token", "/par"])
async def test_ensure_client_assertion_in_token_endpoint(client: PlainClient, endpoint: str) -> None:
    answer = await _at(endpoint, client, {"client_id": client.client_id})
    assert error_of(answer)[:2] == (401, "invalid_client")
