"""The certification modules about authorization requests, each named as the module is (FAPI 2 OP, final)."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.askit.bank import Bank
from tests.askit.plain_client import (
    ACCOUNTS,
    CALLBACK,
    ISSUER,
    PAYMENT,
    VERIFIER,
    PlainClient,
    challenge_of,
    read_callback,
)
from tests.keys import a_key, claims_of, header_of

pytestmark = pytest.mark.anyio


@pytest.mark.conformance("fapi2-op", "happy-flow")
@pytest.mark.spec("FAPI2-SP 5.3.2.1-5")
async def test_happy_flow(bank: Bank, client: PlainClient) -> None:
    """Two clients; each token works with its own key only, never in a query, never as Bearer."""
    tokens = await client.tokens()
    assert tokens["token_type"] == "DPoP"
    assert 0 < tokens["expires_in"] <= 600
    assert (await client.userinfo(tokens["access_token"])).status_code == 200

    other = bank.client("other", dpop_key=a_key("ES256", 12))
    code = await other.code(dpop_jkt=other.dpop_key.thumbprint)
    second = (await other.redeem(code)).json()
    assert (await other.userinfo(second["access_token"])).status_code == 200
    assert (await client.userinfo(second["access_token"])).status_code == 401
    assert (await other.userinfo(second["access_token"], scheme="Bearer")).status_code == 401
    in_query = await other.http.get("/userinfo", params={"access_token": second["access_token"]})
    assert in_query.status_code == 401


@pytest.mark.conformance("fapi2-op", "user-rejects-authentication")
async def test_user_rejects_authentication(client: PlainClient) -> None:
    callback = read_callback(await client.decide(await client.pushed(), decision="deny"))
    assert callback["error"] == "access_denied"
    assert callback["state"] == "the-state"
    assert callback["iss"] == ISSUER
    assert "code" not in callback


@pytest.mark.conformance("fapi2-op", "access-token-type-header-case-sensitivity")
@pytest.mark.parametrize("scheme", ["dpop", "DPOP", "dPoP"])
async def test_access_token_type_header_case_sensitivity(client: PlainClient, scheme: str) -> None:
    tokens = await client.tokens()
    assert (await client.userinfo(tokens["access_token"], scheme=scheme)).status_code == 200


@pytest.mark.conformance("fapi2-op", "ensure-authorization-request-without-state-success")
async def test_ensure_authorization_request_without_state_success(client: PlainClient) -> None:
    callback = read_callback(await client.decide(await client.pushed(state=None)))
    assert set(callback) == {"code", "iss"}


@pytest.mark.conformance("fapi2-op", "ensure-authorization-request-without-nonce-success")
async def test_ensure_authorization_request_without_nonce_success(client: PlainClient) -> None:
    tokens = await client.tokens(nonce=None)
    assert "nonce" not in claims_of(tokens["id_token"])


@pytest.mark.conformance("fapi2-op", "ensure-authorization-request-with-64-char-nonce-success")
@pytest.mark.spec("FAPI2-SP 5.3.2.2-14")
async def test_ensure_authorization_request_with_64_char_nonce_success(client: PlainClient) -> None:
    nonce = "n" * 64
    assert claims_of((await client.tokens(nonce=nonce))["id_token"])["nonce"] == nonce


@pytest.mark.conformance("fapi2-op", "ensure-authorization-request-with-long-nonce")
async def test_ensure_authorization_request_with_long_nonce(client: PlainClient) -> None:
    nonce = "n" * 384
    assert claims_of((await client.tokens(nonce=nonce))["id_token"])["nonce"] == nonce


async def test_a_nonce_beyond_reason_is_refused_not_cut(client: PlainClient) -> None:
    response = await client.push(client.request(nonce="n" * 1025))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.conformance("fapi2-op", "ensure-authorization-request-with-long-state")
@pytest.mark.spec("FAPI2-SP 5.3.2.2 N4")
async def test_ensure_authorization_request_with_long_state(client: PlainClient) -> None:
    state = "s" * 1000
    callback = read_callback(await client.decide(await client.pushed(state=state)))
    assert callback["state"] == state


async def test_state_is_echoed_intact_whatever_its_characters(client: PlainClient) -> None:
    state = 'a b&c=d%20+é"<script>'
    callback = read_callback(await client.decide(await client.pushed(state=state)))
    assert callback["state"] == state


@pytest.mark.conformance("fapi2-op", "ensure-other-scope-order-succeeds")
async def test_ensure_other_scope_order_succeeds(client: PlainClient) -> None:
    tokens = await client.tokens(scope="accounts openid")
    assert set(tokens["scope"].split()) == {"openid", "accounts"}


@pytest.mark.conformance("fapi2-op", "test-claims-parameter-identity-claims")
async def test_test_claims_parameter_identity_claims(client: PlainClient) -> None:
    claims = {
        "id_token": {"email": {"essential": True}, "unheard_of": None},
        "userinfo": {"name": None, "unheard_of": {"value": "x"}},
    }
    tokens = await client.tokens(claims=claims)
    assert claims_of(tokens["id_token"])["email"] == "alice@example.test"
    assert (await client.userinfo(tokens["access_token"])).json() == {"sub": "user-alice", "name": "Alice"}


@pytest.mark.conformance("fapi2-op", "australia-connectid-ensure-invalid-purpose-fails")
@pytest.mark.parametrize("purpose", ["x", "x" * 301, "<script>"])
async def test_a_parameter_that_is_unknown_decides_nothing(client: PlainClient, purpose: str) -> None:
    page = await client.authorize(await client.pushed(purpose=purpose))
    assert page.status_code == 200
    assert purpose not in page.text or purpose == "x"


async def test_a_protocol_claim_asked_for_by_name_stays_the_servers_own(client: PlainClient) -> None:
    tokens = await client.tokens(claims={"id_token": {"sub": None, "aud": None, "iss": None}})
    assert claims_of(tokens["id_token"])["aud"] == "fintech"
    assert claims_of(tokens["id_token"])["iss"] == ISSUER


@pytest.mark.conformance("fapi2-op", "ensure-redirect-uri-in-authorization-request")
@pytest.mark.spec("FAPI2-SP 5.3.2.2-6")
async def test_ensure_redirect_uri_in_authorization_request(client: PlainClient) -> None:
    response = await client.push(client.request(redirect_uri=None))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.conformance("fapi2-op", "ensure-registered-redirect-uri")
@pytest.mark.parametrize(
    "uri",
    [
        f"{CALLBACK}/",
        f"{CALLBACK}?x=1",
        CALLBACK.upper(),
        CALLBACK.replace("https", "http"),
        "https://fintech.example.test.evil.test/callback",
        f"{CALLBACK}#fragment",
        "javascript:alert(1)",
    ],
)
@pytest.mark.spec("RFC 9126 2.1-3", "RFC 9700 2.1a")
async def test_ensure_registered_redirect_uri(client: PlainClient, uri: str) -> None:
    response = await client.push(client.request(redirect_uri=uri))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.conformance("fapi2-op", "plain-fapi-tolerate-unregistered-redirect-uri")
@pytest.mark.spec("RFC 9126 2.4")
async def test_plain_fapi_tolerate_unregistered_redirect_uri(client: PlainClient) -> None:
    """RFC 9126 2.4 would let PAR take it; this server refuses, and never falls back to a registered one."""
    response = await client.push(
        client.request(redirect_uri="https://elsewhere.example.test/cb", scope="accounts")
    )
    assert response.status_code == 400
    assert "request_uri" not in response.json()


@pytest.mark.conformance("fapi2-op", "ensure-unsigned-authorization-request-without-using-par-fails")
@pytest.mark.spec("FAPI2-SP 5.3.2.2-3")
@pytest.mark.spec("RFC 9126 5")
async def test_ensure_unsigned_authorization_request_without_using_par_fails(client: PlainClient) -> None:
    query = urlencode({**client.request(), "client_id": client.client_id})
    response = await client.http.get(f"/authorize?{query}")
    assert response.status_code == 400
    assert "location" not in response.headers


@pytest.mark.conformance("fapi2-op")
@pytest.mark.parametrize(
    ("module", "response_type"),
    [
        ("ensure-response-type-code-idtoken-fails", "code id_token"),
        ("ensure-response-type-token-fails", "token"),
        ("id_token", "id_token"),
        ("code token", "code token"),
        ("none", "none"),
        ("another case", "Code"),
    ],
)
@pytest.mark.spec("FAPI2-SP 5.3.2.2-1")
async def test_another_response_type_than_code_fails(
    client: PlainClient, module: str, response_type: str
) -> None:
    response = await client.push(client.request(response_type=response_type))
    refused = (response.status_code, response.json()["error"])
    assert refused == (400, "unsupported_response_type"), module


@pytest.mark.conformance("fapi2-op", "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds")
async def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(client: PlainClient) -> None:
    request_uri = await client.pushed()
    assert (await client.authorize(request_uri)).status_code == 200
    assert (await client.authorize(request_uri)).status_code == 200
    assert "code" in read_callback(await client.decide(request_uri))


@pytest.mark.conformance("fapi2-op", "par-attempt-reuse-request_uri")
@pytest.mark.spec("FAPI2-SP 6.4", "RFC 9126 4b")
async def test_par_attempt_reuse_request_uri(client: PlainClient) -> None:
    request_uri = await client.pushed()
    assert "code" in read_callback(await client.decide(request_uri))
    again = await client.authorize(request_uri)
    assert again.status_code == 400
    assert "location" not in again.headers


@pytest.mark.conformance("fapi2-op", "par-attempt-to-use-expired-request_uri")
@pytest.mark.spec("RFC 9126 4c")
async def test_par_attempt_to_use_expired_request_uri(bank: Bank, client: PlainClient) -> None:
    request_uri = await client.pushed()
    bank.clock.advance(bank.server.core.profile.par_lifetime)
    response = await client.authorize(request_uri)
    assert response.status_code == 400
    assert "expired" in response.text


async def test_a_page_that_was_opened_in_time_may_be_answered_after_the_uri_expired(
    bank: Bank, client: PlainClient
) -> None:
    request_uri = await client.pushed()
    login = await client.authorize(request_uri)
    bank.clock.advance(bank.server.core.profile.par_lifetime + 60)
    consent = await client.submit(login, username="alice", password="wonderland")
    assert "code" in read_callback(await client.submit(consent, decision="approve"))


@pytest.mark.conformance("fapi2-op", "par-attempt-to-use-request_uri-for-different-client")
async def test_par_attempt_to_use_request_uri_for_different_client(bank: Bank, client: PlainClient) -> None:
    request_uri = await client.pushed()
    response = await bank.client("other").authorize(request_uri)
    assert response.status_code == 400
    assert "location" not in response.headers


@pytest.mark.conformance("fapi2-op", "par-attempt-invalid-http-method")
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE", "PATCH"])
@pytest.mark.spec("RFC 9126 2a")
async def test_par_attempt_invalid_http_method(client: PlainClient, method: str) -> None:
    form = urlencode({**client.request(), **client.authentication()})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await client.http.request(method, "/par", content=form, headers=headers)).status_code == 405


@pytest.mark.conformance("fapi2-op", "par-without-duplicate-parameters")
async def test_par_without_duplicate_parameters(client: PlainClient) -> None:
    """client_id and request_uri suffice at the authorization endpoint."""
    assert "code" in read_callback(await client.decide(await client.pushed()))


async def test_parameters_beside_a_request_uri_do_not_count(client: PlainClient) -> None:
    request_uri = await client.pushed(state="inner")
    page = await client.authorize(
        request_uri, state="outer", redirect_uri="https://evil.test/", scope="payments"
    )
    consent = await client.submit(page, username="alice", password="wonderland")
    callback = read_callback(await client.submit(consent, decision="approve"))
    assert callback["state"] == "inner"


@pytest.mark.conformance("fapi2-op", "par-authorization-request-containing-request_uri-form-param")
@pytest.mark.spec("RFC 9126 2.1-2")
async def test_par_authorization_request_containing_request_uri_form_param(client: PlainClient) -> None:
    earlier = await client.pushed()
    response = await client.push(client.request(request_uri=earlier))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.conformance("fapi2-op", "par-ensure-pkce-required")
@pytest.mark.spec("FAPI2-SP 5.3.2.2-5")
@pytest.mark.spec("RFC 7636 4.4.1")
async def test_par_ensure_pkce_required(client: PlainClient) -> None:
    response = await client.push(client.request(code_challenge=None, code_challenge_method=None))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.conformance("fapi2-op", "par-plain-pkce-rejected")
@pytest.mark.parametrize("method", ["plain", None, "s256"])
async def test_par_plain_pkce_rejected(client: PlainClient, method: str | None) -> None:
    challenge = VERIFIER if method == "plain" else challenge_of(VERIFIER)
    response = await client.push(client.request(code_challenge=challenge, code_challenge_method=method))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.spec("RFC 9126 2.2", "FAPI2-SP 5.3.2.2-12")
async def test_the_answer_to_a_push(client: PlainClient) -> None:
    response = await client.push()
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert set(body) == {"request_uri", "expires_in"}
    assert 0 < body["expires_in"] < 600
    assert len(body["request_uri"].rsplit(":", 1)[1]) >= 43


@pytest.mark.spec("FAPI2-SP 5.3.2.2-4", "RFC 9126 2.1-1")
async def test_no_client_authentication_at_par_is_refused(client: PlainClient) -> None:
    response = await client.push(authentication={"client_id": client.client_id})
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "openid unheard-of"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"resource": ["https://elsewhere.example.test/"]}, "invalid_target"),
        ({"authorization_details": [{**PAYMENT, "type": "unheard-of"}]}, "invalid_authorization_details"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": '{"id_token": 7}'}, "invalid_request"),
        ({"response_mode": "carrier_pigeon"}, "invalid_request"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": None}, "invalid_request"),
    ],
)
async def test_one_wrong_parameter_is_refused_by_its_code(
    client: PlainClient, changes: dict[str, object], error: str
) -> None:
    response = await client.push(client.request(**changes))
    assert (response.status_code, response.json()["error"]) == (400, error)


async def test_a_parameter_that_comes_twice_is_refused(client: PlainClient) -> None:
    form = urlencode({**client.request(), **client.authentication()}) + "&scope=payments"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = await client.http.post("/par", content=form, headers=headers)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.spec("OIDC 3.1.3.6", "OIDC 2")
@pytest.mark.spec("FAPI2-SP 5.3.2.3")
async def test_the_id_token(client: PlainClient) -> None:
    tokens = await client.tokens()
    claims, header = claims_of(tokens["id_token"]), header_of(tokens["id_token"])
    keys = (await client.http.get("/jwks")).json()["keys"]
    assert header["alg"] == "ES256"
    assert header["kid"] in {key["kid"] for key in keys}
    assert claims["aud"] == "fintech"
    assert claims["iss"] == ISSUER
    assert claims["exp"] > claims["iat"] == int(client.clock())
    assert claims["auth_time"] <= claims["iat"]
    assert claims["acr"]
    assert len(claims["at_hash"]) == 22
    assert (await client.userinfo(tokens["access_token"])).json()["sub"] == claims["sub"]


async def test_a_plain_oauth_request_gets_no_id_token(client: PlainClient) -> None:
    tokens = await client.tokens(scope="accounts", nonce=None)
    assert "id_token" not in tokens
    refused = await client.userinfo(tokens["access_token"])
    assert refused.status_code == 403
    assert claims_of(tokens["access_token"])["aud"] == ACCOUNTS
