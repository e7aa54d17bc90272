"""The certification modules about codes, PKCE and refresh tokens (FAPI 2 OP, final), each named as the module is."""

from __future__ import annotations

import pytest

from tests.askit.bank import Bank
from tests.askit.plain_client import PlainClient
from tests.keys import a_key, claims_of

pytestmark = pytest.mark.anyio


@pytest.mark.spec("RFC 6749 5.1", "FAPI2-SP 5.4.1-4")
async def test_the_token_response(client: PlainClient) -> None:
    response = await client.redeem(await client.code())
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body["token_type"] == "DPoP"
    assert body["scope"] == "openid accounts"
    assert 0 < body["expires_in"] <= 900
    assert len(body["refresh_token"]) >= 43


@pytest.mark.conformance("fapi2-op", "ensure-authorization-code-is-bound-to-client")
async def test_ensure_authorization_code_is_bound_to_client(bank: Bank, client: PlainClient) -> None:
    code = await client.code()
    stolen = await bank.client("other").redeem(code)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (await client.redeem(code)).status_code == 200


@pytest.mark.conformance("fapi2-op", "attempt-reuse-authorization-code-after-one-second")
@pytest.mark.spec("FAPI2-SP 5.3.2.2-9", "RFC 9700 4.2.4")
async def test_attempt_reuse_authorization_code_after_one_second(bank: Bank, client: PlainClient) -> None:
    """Refused, and what the first redemption gave is revoked."""
    code = await client.code()
    tokens = (await client.redeem(code)).json()
    bank.clock.advance(1)
    again = await client.redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await client.userinfo(tokens["access_token"])).status_code == 401
    assert (await client.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    api = bank.client("accounts-api")
    assert (await api.introspect(tokens["access_token"])).json() == {"active": False}


async def test_a_code_used_again_long_after_it_expired_still_revokes(bank: Bank, client: PlainClient) -> None:
    code = await client.code()
    tokens = (await client.redeem(code)).json()
    bank.clock.advance(86_400)
    assert (await client.redeem(code)).json()["error"] == "invalid_grant"
    assert (await client.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.conformance("fapi2-op", "ensure-token-endpoint-fails-with-expired-auth-code")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-11")
async def test_ensure_token_endpoint_fails_with_expired_auth_code(bank: Bank, client: PlainClient) -> None:
    code = await client.code()
    bank.clock.advance(62)
    response = await client.redeem(code)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


async def test_a_code_is_alive_for_just_under_a_minute(bank: Bank, client: PlainClient) -> None:
    code = await client.code()
    bank.clock.advance(59)
    assert (await client.redeem(code)).status_code == 200


@pytest.mark.conformance("fapi2-op", "ensure-pkce-code-verifier-required")
@pytest.mark.spec("RFC 7636 4.6")
@pytest.mark.spec("RFC 9700 2.1.1c")
async def test_ensure_pkce_code_verifier_required(client: PlainClient) -> None:
    response = await client.redeem(await client.code(), code_verifier=None)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


@pytest.mark.conformance("fapi2-op", "incorrect-pkce-code-verifier-rejected")
@pytest.mark.parametrize("verifier", ["w" * 43, "v" * 42, "v" * 44, ""])
@pytest.mark.spec("RFC 7636 4.6")
async def test_incorrect_pkce_code_verifier_rejected(client: PlainClient, verifier: str) -> None:
    response = await client.redeem(await client.code(), code_verifier=verifier)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


async def test_another_redirect_uri_at_the_token_endpoint_is_refused(client: PlainClient) -> None:
    response = await client.redeem(await client.code(), redirect_uri="https://fintech.example.test/other")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


async def test_redirect_uri_may_be_left_out_at_the_token_endpoint(client: PlainClient) -> None:
    assert (await client.redeem(await client.code(), redirect_uri=None)).status_code == 200


# refresh-token


@pytest.mark.conformance("fapi2-op", "refresh-token")
async def test_refresh_token(bank: Bank, client: PlainClient) -> None:
    """Works, keeps the refresh token, and needs its own client, authentication and a proof each time."""
    tokens = await client.tokens()
    renewed = (await client.refresh(tokens["refresh_token"])).json()
    assert renewed["access_token"] != tokens["access_token"]
    assert "refresh_token" not in renewed
    again = (await client.refresh(tokens["refresh_token"])).json()
    assert again["access_token"] not in (tokens["access_token"], renewed["access_token"])

    foreign = await bank.client("other").refresh(tokens["refresh_token"])
    assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    bare = await client.token(form, authentication={"client_id": client.client_id})
    assert (bare.status_code, bare.json()["error"]) == (401, "invalid_client")
    unbound = await client.token(form, proof=False)
    assert (unbound.status_code, unbound.json()["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.spec("RFC 9449 5e")
@pytest.mark.spec("FAPI2-SP 6.1")
async def test_a_confidential_client_may_change_its_key_at_refresh(client: PlainClient) -> None:
    tokens = await client.tokens()
    client.dpop_key = a_key("ES256", 12)
    renewed = (await client.refresh(tokens["refresh_token"])).json()
    assert claims_of(renewed["access_token"])["cnf"]["jkt"] == a_key("ES256", 12).thumbprint


async def test_refresh_may_narrow_the_scope_and_never_widen_it(client: PlainClient) -> None:
    tokens = await client.tokens()
    assert (await client.refresh(tokens["refresh_token"], scope="accounts")).json()["scope"] == "accounts"
    wider = await client.refresh(tokens["refresh_token"], scope="accounts payments")
    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")


async def test_a_grant_ends_in_time(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    bank.clock.advance(bank.config.grant_lifetime)
    response = await client.refresh(tokens["refresh_token"])
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("grant_type", "error"),
    [
        ("password", "unsupported_grant_type"),
        ("implicit", "unsupported_grant_type"),
        ("urn:example:other", "unsupported_grant_type"),
        (None, "invalid_request"),
    ],
)
@pytest.mark.spec("FAPI2-SP 5.3.2.1-2")
async def test_other_grants_do_not_exist(client: PlainClient, grant_type: str | None, error: str) -> None:
    form = {"grant_type": grant_type} if grant_type else {}
    response = await client.token({**form, "username": "alice", "password": "wonderland"})
    assert (response.status_code, response.json()["error"]) == (400, error)


async def test_the_password_grant_is_refused_with_its_clause(client: PlainClient) -> None:
    response = await client.token({"grant_type": "password"})
    assert "FAPI2-SP 5.3.2.1-2" in response.json()["error_description"]
