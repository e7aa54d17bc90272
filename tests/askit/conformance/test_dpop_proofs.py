"""The certification modules about DPoP, at the token and PAR endpoints and at UserInfo as the resource (FAPI 2 OP)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.askit.bank import Bank
from tests.askit.plain_client import ISSUER, PlainClient, fresh, read_callback
from tests.keys import a_key, b64, claims_of, mint

pytestmark = pytest.mark.anyio

OTHER_KEY = a_key("ES256", 12)


async def _token_answer(client: PlainClient, **claims: Any) -> tuple[int, str]:
    """A code exchange whose proof is changed."""
    response = await client.token(client.code_form(await client.code()), **claims)
    return response.status_code, response.json().get("error", "")


@pytest.mark.conformance("fapi2-op", "check-dpop-proof-nbf-exp")
async def test_check_dpop_proof_nbf_exp(client: PlainClient) -> None:
    now = int(client.clock())
    assert await _token_answer(client, nbf=now, exp=now + 60) == (200, "")


@pytest.mark.conformance("fapi2-op", "ensure-dpopproof-with-iat-10seconds-before-succeeds")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-13")
async def test_ensure_dpopproof_with_iat_10seconds_before_succeeds(client: PlainClient) -> None:
    assert await _token_answer(client, iat=int(client.clock()) - 10) == (200, "")


@pytest.mark.conformance("fapi2-op", "ensure-dpopproof-with-iat-10seconds-after-succeeds")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-13")
async def test_ensure_dpopproof_with_iat_10seconds_after_succeeds(client: PlainClient) -> None:
    assert await _token_answer(client, iat=int(client.clock()) + 10) == (200, "")


@pytest.mark.parametrize("seconds", [-3600, -61, 61, 3600])
@pytest.mark.spec("RFC 9449 5b")
async def test_a_proof_from_another_time_is_refused(client: PlainClient, seconds: int) -> None:
    answer = await _token_answer(client, iat=int(client.clock()) + seconds)
    assert answer == (400, "invalid_dpop_proof")


@pytest.mark.conformance("fapi2-op", "ensure-mismatched-dpop-jkt-fails")
@pytest.mark.spec("RFC 9449 10.1")
async def test_ensure_mismatched_dpop_jkt_fails(client: PlainClient) -> None:
    """The proof at PAR and dpop_jkt name different keys."""
    await _nonce(client)
    proof = client.proof("POST", f"{client.issuer}/par")
    response = await client.push(client.request(dpop_jkt=OTHER_KEY.thumbprint), proof=proof)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.conformance("fapi2-op", "ensure-token-endpoint-fails-with-mismatched-dpop-jkt")
@pytest.mark.spec("RFC 9449 10")
async def test_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(client: PlainClient) -> None:
    code = await client.code(dpop_jkt=client.dpop_key.thumbprint)
    refused = await client.token(client.code_form(code), key=OTHER_KEY)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (await client.redeem(code)).status_code == 200


@pytest.mark.conformance("fapi2-op", "ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt")
@pytest.mark.spec("RFC 9449 10.1")
async def test_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(client: PlainClient) -> None:
    code = await _code_bound_by_proof(client)
    refused = await client.token(client.code_form(code), key=OTHER_KEY)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


@pytest.mark.conformance("fapi2-op", "ensure-dpopproof-at-par-endpoint-binding-success")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-12")
async def test_ensure_dpopproof_at_par_endpoint_binding_success(client: PlainClient) -> None:
    tokens = (await client.redeem(await _code_bound_by_proof(client))).json()
    assert claims_of(tokens["access_token"])["cnf"]["jkt"] == client.dpop_key.thumbprint


@pytest.mark.conformance("fapi2-op", "ensure-dpop-auth-code-binding-success")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-12")
async def test_ensure_dpop_auth_code_binding_success(client: PlainClient) -> None:
    code = await client.code(dpop_jkt=client.dpop_key.thumbprint)
    tokens = (await client.redeem(code)).json()
    assert claims_of(tokens["access_token"])["cnf"]["jkt"] == client.dpop_key.thumbprint


async def test_a_bad_proof_at_par_is_refused(client: PlainClient) -> None:
    await _nonce(client)
    response = await client.push(proof=client.proof("POST", f"{client.issuer}/token"))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.conformance("fapi2-op", "ensure-holder-of-key-required")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-4")
async def test_ensure_holder_of_key_required(client: PlainClient) -> None:
    form = client.code_form(await client.code())
    response = await client.token(form, proof=False)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.spec("RFC 9449 8a", "RFC 9449 8.2")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-10")
async def test_the_token_endpoint_demands_a_nonce_and_gives_the_next_one(client: PlainClient) -> None:
    form = client.code_form(await client.code())
    client.nonce = None
    challenged = await client.token(form, proof=client.proof("POST", f"{client.issuer}/token"))
    assert (challenged.status_code, challenged.json()["error"]) == (400, "use_dpop_nonce")
    assert challenged.headers.get_list("dpop-nonce")
    assert len(challenged.headers.get_list("dpop-nonce")) == 1
    accepted = await client.token(form)
    assert accepted.status_code == 200
    assert accepted.headers["dpop-nonce"]
    assert accepted.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("nonce", ["", "made-up", "A" * 27])
@pytest.mark.spec("RFC 9449 4.3-10")
async def test_a_wrong_nonce_is_refused(client: PlainClient, nonce: str) -> None:
    assert await _token_answer(client, nonce=nonce) == (400, "use_dpop_nonce")


async def test_an_old_nonce_is_refused(bank: Bank, client: PlainClient) -> None:
    await _nonce(client)
    old = client.nonce
    bank.clock.advance(600)
    assert await _token_answer(client, nonce=old) == (400, "use_dpop_nonce")


async def test_without_nonces_a_proof_needs_none() -> None:
    client = Bank(dpop_nonces=False).client()
    tokens = await client.tokens()
    assert client.nonce is None
    assert (await client.userinfo(tokens["access_token"])).status_code == 200


@pytest.mark.spec("RFC 9449 11.1")
async def test_a_proof_serves_once_at_the_token_endpoint(client: PlainClient) -> None:
    tokens = await client.tokens()
    proof = client.proof("POST", f"{client.issuer}/token")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await client.token(form, proof=proof)).status_code == 200
    again = await client.token(form, proof=proof)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")


# dpop-negative-tests: at the resource, which here is UserInfo.


async def _userinfo_with(
    client: PlainClient, *proofs: str, token: str, scheme: str = "DPoP"
) -> tuple[int, str]:
    headers = [("authorization", f"{scheme} {token}"), *(("dpop", proof) for proof in proofs)]
    response = await client.http.get("/userinfo", headers=headers)
    return response.status_code, response.headers.get("www-authenticate", "")


def _good(client: PlainClient, token: str, **changes: Any) -> str:
    return client.proof("GET", f"{client.issuer}/userinfo", token=token, **changes)


@pytest.mark.conformance("fapi2-op", "dpop-negative-tests")
@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("typ missing", {"header": {"typ": None}}),
        ("typ wrong", {"header": {"typ": "JWT"}}),
        ("alg missing", {"header": {"alg": None}}),
        ("alg none", {"header": {"alg": "none"}}),
        ("jwk missing", {"header": {"jwk": None}}),
        ("jti missing", {"jti": None}),
        ("jti empty", {"jti": ""}),
        ("htm missing", {"htm": None}),
        ("htm wrong", {"htm": "POST"}),
        ("htm in lower case", {"htm": "get"}),
        ("htu missing", {"htu": None}),
        ("htu other", {"htu": f"{ISSUER}/token"}),
        ("iat missing", {"iat": None}),
        ("iat an hour ahead", {"iat": 3600}),
        ("iat an hour ago", {"iat": -3600}),
        ("ath missing", {"ath": None}),
        ("ath wrong", {"ath": b64(b"0" * 32)}),
        ("another key", {"key": OTHER_KEY}),
        ("private key in jwk", {"header": {"jwk": a_key("ES256", 11).to_private_jwk()}}),
        ("crit", {"header": {"crit": ["exp"]}}),
    ],
)
async def test_dpop_negative_tests(client: PlainClient, what: str, changes: dict[str, Any]) -> None:
    token = (await client.tokens())["access_token"]
    if changes.get("iat") is not None:
        changes = {"iat": int(client.clock()) + changes["iat"]}
    status, challenge = await _userinfo_with(client, _good(client, token, **changes), token=token)
    assert (status, 'error="invalid_' in challenge) == (401, True), what
    assert (await _userinfo_with(client, _good(client, token), token=token))[0] == 200


async def test_dpop_negative_tests_rs256(client: PlainClient) -> None:
    rsa = a_key("RS256", 1)
    token = (await client.tokens())["access_token"]
    assert (await _userinfo_with(client, _good(client, token, key=rsa), token=token))[0] == 401


async def test_dpop_negative_tests_bad_signature(client: PlainClient) -> None:
    token = (await client.tokens())["access_token"]
    head, body, signature = _good(client, token).split(".")
    broken = f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    assert (await _userinfo_with(client, broken, token=token))[0] == 401


async def test_dpop_negative_tests_headers(client: PlainClient) -> None:
    """No proof, two proofs, no JWT at all, and a bound token sent as Bearer."""
    token = (await client.tokens())["access_token"]
    assert (await _userinfo_with(client, token=token))[0] == 401
    two = (_good(client, token), _good(client, token))
    assert (await _userinfo_with(client, *two, token=token))[0] == 401
    assert (await _userinfo_with(client, ", ".join(two), token=token))[0] == 401
    assert (await _userinfo_with(client, "not-a-jwt", token=token))[0] == 401
    bearer = await _userinfo_with(client, _good(client, token), token=token, scheme="Bearer")
    assert bearer[0] == 401
    assert (await _userinfo_with(client, token=token, scheme="Bearer"))[0] == 401


async def test_dpop_negative_tests_reused_jti(client: PlainClient) -> None:
    token = (await client.tokens())["access_token"]
    proof = _good(client, token)
    assert (await _userinfo_with(client, proof, token=token))[0] == 200
    assert (await _userinfo_with(client, proof, token=token))[0] == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"htu": f"{ISSUER}/userinfo?a=b#c"},
        {"htu": "HTTPS://BANK.EXAMPLE.TEST/userinfo"},
        {"htu": "https://bank.example.test:443/userinfo"},
        {"header": {"x-extra": "1"}},
        {"extra": {"nested": True}},
    ],
)
async def test_dpop_variants_that_are_accepted(client: PlainClient, changes: dict[str, Any]) -> None:
    token = (await client.tokens())["access_token"]
    assert (await _userinfo_with(client, _good(client, token, **changes), token=token))[0] == 200


async def test_the_header_name_in_capitals_is_accepted(client: PlainClient) -> None:
    token = (await client.tokens())["access_token"]
    headers = {"AUTHORIZATION": f"DPoP {token}", "DPOP": _good(client, token)}
    assert (await client.http.get("/userinfo", headers=headers)).status_code == 200


async def test_userinfo_demands_a_nonce_by_challenge(client: PlainClient) -> None:
    token = (await client.tokens())["access_token"]
    status, challenge = await _userinfo_with(client, _good(client, token, nonce=None), token=token)
    assert status == 401
    assert challenge.startswith("DPoP ")
    assert 'error="use_dpop_nonce"' in challenge


async def test_an_id_token_is_no_access_token(client: PlainClient) -> None:
    id_token = (await client.tokens())["id_token"]
    assert (await _userinfo_with(client, _good(client, id_token), token=id_token))[0] == 401


async def test_a_token_made_up_by_another_signer_is_refused(client: PlainClient) -> None:
    token = (await client.tokens())["access_token"]
    forged = mint(claims_of(token), a_key("ES256", 30), typ="at+jwt")
    assert (await _userinfo_with(client, _good(client, forged), token=forged))[0] == 401


@pytest.mark.spec("RFC 9449 8", "RFC 9449 10.1")
async def test_a_proof_at_par_without_a_nonce_is_challenged(client: PlainClient) -> None:
    """At PAR a proof is optional; one that is sent is checked as at the token endpoint, its nonce included."""
    url = f"{client.issuer}/par"
    challenged = await client.push(proof=client.proof("POST", url, nonce=None))
    assert (challenged.status_code, challenged.json()["error"]) == (400, "use_dpop_nonce")
    assert client.nonce == challenged.headers["dpop-nonce"]
    stale = await client.push(proof=client.proof("POST", url, nonce="made-up"))
    assert (stale.status_code, stale.json()["error"]) == (400, "use_dpop_nonce")
    assert (await client.push(proof=client.proof("POST", url))).status_code == 201


async def _nonce(client: PlainClient) -> None:
    """A push brings the current nonce."""
    assert (await client.push()).status_code == 201
    assert client.nonce is not None


async def _code_bound_by_proof(client: PlainClient) -> str:
    await _nonce(client)
    response = await client.push(proof=client.proof("POST", f"{client.issuer}/par", jti=fresh()))
    assert response.status_code == 201
    return read_callback(await client.decide(response.json()["request_uri"]))["code"]
