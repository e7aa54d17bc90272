"""The FAPI 2 OP modules that look at certificates, in each variant of client authentication and binding with one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.askit.conformance.mtls.conftest import CertificateBank
from tests.askit.plain_client import PlainClient

pytestmark = pytest.mark.anyio


async def redeemed(bank: CertificateBank, client: PlainClient, code: str) -> httpx.Response:
    return await client.token(client.code_form(code))


async def tokens_of(bank: CertificateBank, client: PlainClient) -> dict[str, Any]:
    answer = await redeemed(bank, client, await client.code())
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def userinfo(
    bank: CertificateBank, client: PlainClient, token: str, scheme: str | None = None
) -> httpx.Response:
    if bank.proof:
        return await client.userinfo(token, scheme=scheme or "DPoP")
    return await client.http.get("/userinfo", headers={"authorization": f"{scheme or 'Bearer'} {token}"})


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.mark.conformance("fapi2-op with certificates", "discovery-end-point-verification")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-5, -6", "RFC 8705 3.3")
async def test_discovery_end_point_verification(bank: CertificateBank, client: PlainClient) -> None:
    document: Mapping[str, Any] = (await client.http.get("/.well-known/openid-configuration")).json()
    assert document["tls_client_certificate_bound_access_tokens"] is True
    for endpoint in ("token", "introspection", "revocation"):
        assert bank.method in document[f"{endpoint}_endpoint_auth_methods_supported"]


@pytest.mark.conformance("fapi2-op with certificates", "happy-flow")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-4, -5, -6", "RFC 8705 3b")
async def test_happy_flow(bank: CertificateBank) -> None:
    """Two clients; each token is worth something with the certificate or the key of its own client alone."""
    clients = {name: bank.client(name) for name in ("fintech", "other")}
    tokens = {name: (await tokens_of(bank, each))["access_token"] for name, each in clients.items()}
    for name, token in tokens.items():
        for shown, each in clients.items():
            expected = 200 if shown == name else 401
            assert (await userinfo(bank, each, token)).status_code == expected, (name, shown)
        in_query = await clients[name].http.get("/userinfo", params={"access_token": token})
        assert in_query.status_code == 401


@pytest.mark.conformance("fapi2-op with certificates", "access-token-type-header-case-sensitivity")
async def test_access_token_type_header_case_sensitivity(bank: CertificateBank, client: PlainClient) -> None:
    token = (await tokens_of(bank, client))["access_token"]
    for scheme in ("dPOP", "DPOP") if bank.proof else ("bEARER", "BEARER"):
        assert (await userinfo(bank, client, token, scheme)).status_code == 200


@pytest.mark.conformance("fapi2-op with certificates", "ensure-holder-of-key-required")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-4", "RFC 8705 2a", "RFC 8705 3.4")
async def test_ensure_holder_of_key_required(bank: CertificateBank, client: PlainClient) -> None:
    form = client.code_form(await client.code())
    bare = bank.client(certificate=None)
    without = await bare.token(form)
    by_certificate = bank.method != "private_key_jwt"
    assert error_of(without) == ((401, "invalid_client") if by_certificate else (400, "invalid_request"))
    if bank.proof:
        assert error_of(await client.token(form, proof=False)) == (400, "invalid_dpop_proof")
    assert (await client.token(form)).status_code == 200


@pytest.mark.conformance("fapi2-op with certificates", "ensure-client-id-in-token-endpoint")
@pytest.mark.spec("RFC 8705 2b")
async def test_ensure_client_id_in_token_endpoint(bank: CertificateBank, client: PlainClient) -> None:
    """The other client's `client_id`, over the certificate of this one."""
    form = client.code_form(await client.code())
    claimed = {**client.authentication(), "client_id": "other"}
    assert error_of(await client.token(form, authentication=claimed)) == (
        401,
        "invalid_client",
    )
    assert (await client.token(form)).status_code == 200


@pytest.mark.conformance("fapi2-op with certificates", "ensure-authorization-code-is-bound-to-client")
async def test_ensure_authorization_code_is_bound_to_client(
    bank: CertificateBank, client: PlainClient
) -> None:
    code = await client.code()
    assert error_of(await redeemed(bank, bank.client("other"), code)) == (400, "invalid_grant")
    assert (await redeemed(bank, client, code)).status_code == 200


@pytest.mark.conformance("fapi2-op with certificates", "refresh-token")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-9", "RFC 8705 6.3, 7.1")
async def test_refresh_token(bank: CertificateBank, client: PlainClient) -> None:
    """Bound to the client; it needs client authentication and possession each time."""
    refresh = (await tokens_of(bank, client))["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    other, bare = bank.client("other"), bank.client(certificate=None)
    assert error_of(await other.token(form)) == (400, "invalid_grant")
    assert (await bare.token(form)).status_code in (400, 401)
    nobody = {"client_id": "fintech"}
    assert error_of(await bare.token(form, authentication=nobody)) == (
        401,
        "invalid_client",
    )
    if bank.proof:
        assert error_of(await client.token(form, proof=False)) == (400, "invalid_dpop_proof")
    fresh = await client.token(form)
    assert fresh.status_code == 200
    assert (await userinfo(bank, client, fresh.json()["access_token"])).status_code == 200


@pytest.mark.conformance("fapi2-op with certificates", "attempt-reuse-authorization-code-after-one-second")
async def test_attempt_reuse_authorization_code_after_one_second(
    bank: CertificateBank, client: PlainClient
) -> None:
    code = await client.code()
    token = (await redeemed(bank, client, code)).json()["access_token"]
    bank.clock.advance(1)
    assert error_of(await redeemed(bank, client, code)) == (400, "invalid_grant")
    assert (await userinfo(bank, client, token)).status_code == 401


@pytest.mark.conformance("fapi2-op with certificates", "par-attempt-to-use-request_uri-for-different-client")
async def test_par_attempt_to_use_request_uri_for_different_client(
    bank: CertificateBank, client: PlainClient
) -> None:
    pushed = await client.pushed()
    page = await bank.client("other").authorize(pushed)
    assert page.status_code == 400


@pytest.mark.spec("RFC 9126 2.1-1", "RFC 8705 2a")
async def test_pushing_takes_the_certificate_too(bank: CertificateBank) -> None:
    bare = bank.client(certificate=None)
    answer = await bare.push()
    if bank.method == "private_key_jwt":
        assert answer.status_code == 201, "an assertion is enough there: nothing is bound yet"
    else:
        assert error_of(answer) == (401, "invalid_client")
