"""The FAPI 1.0 Advanced modules about logins from end to end, over real TLS; each named as the module is."""

from __future__ import annotations

import hashlib
from typing import Any

import jwt
import pytest

from tests.askit.fapi1.advanced import JARM, an_object, decide, login, push, redeem, visit
from tests.askit.fapi1.answers import callback_of, error_of
from tests.askit.fapi1.live import LiveBank
from tests.askit.hosting import Hosting
from tests.askit.plain_client import VERIFIER, PlainClient
from tests.keys import b64, claims_of

pytestmark = pytest.mark.anyio


async def _answer(
    client: PlainClient, way: str, web: Hosting | None = None, **changes: Any
) -> dict[str, str]:
    """The members of the answer to a request that goes this way, out of the signed answer if it is one."""
    if way == "pushed":
        page = await client.authorize((await push(client, **changes)).json()["request_uri"])
    elif web is not None:
        web.body = an_object(client, **changes).encode()
        page = await client.authorize(web.uri, response_type="code id_token", scope="openid")
    else:
        page = await visit(client, an_object(client, **changes))
    _, answer = await decide(client, page)
    return claims_of(answer["response"]) if "response" in answer else answer


@pytest.mark.conformance("fapi1-op", "fapi1-advanced-final")
@pytest.mark.spec("FAPI1-ADV 5.2.2-1, -5, -6, -14")
@pytest.mark.parametrize("client_id", ["fintech", "by-certificate", "self-signed"])
@pytest.mark.parametrize("way", ["by value", "by reference", "pushed"])
@pytest.mark.parametrize("response", [{}, JARM], ids=["hybrid", "JARM"])
async def test_fapi1_advanced_final(
    bank: LiveBank, web: Hosting, client_id: str, way: str, response: dict[str, str]
) -> None:
    """Two clients; each token is worth something over the certificate of its own client alone, never in a query."""
    tokens = {}
    for each in (client_id, "other"):
        client = bank.client(each)
        code = (await _answer(client, way, web if way == "by reference" else None, **response))["code"]
        answer = await redeem(client, code, code_verifier=VERIFIER if way == "pushed" else None)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        tokens[each] = answer.json()["access_token"]
    for each, token in tokens.items():
        for shown in tokens:
            http = bank.client(shown).http
            headers = {"authorization": f"Bearer {token}"}
            assert (await http.get("/userinfo", headers=headers)).status_code == (
                200 if shown == each else 401
            )
            assert (await http.get("/userinfo", params={"access_token": token})).status_code == 401


@pytest.mark.spec("FAPI1-ADV 5.2.2-14")
@pytest.mark.parametrize("client_id", ["by-certificate", "self-signed"])
@pytest.mark.parametrize("certificate", [None, "other"])
async def test_a_client_that_signs_in_by_its_certificate_by_no_other(
    bank: LiveBank, client_id: str, certificate: str | None
) -> None:
    client = bank.client(client_id, certificate=certificate)
    assert error_of(await push(client))[:2] == (401, "invalid_client")


@pytest.mark.spec("FAPI1-ADV 5.1.1, 5.2.2.1-4, -5")
async def test_both_id_tokens(client: PlainClient) -> None:
    """Read by a library that shares no code with the server."""
    answer = await _answer(client, "by value")
    tokens = (await redeem(client, answer["code"])).json()
    keys = jwt.PyJWKSet.from_dict((await client.http.get("/jwks")).json())
    read = []
    for token in (answer["id_token"], tokens["id_token"]):
        kid = jwt.get_unverified_header(token)["kid"]
        claims = jwt.decode(
            token, keys[kid], algorithms=["ES256", "PS256"], audience="fintech", issuer=client.issuer
        )
        assert claims["nonce"] == "the-nonce"
        assert claims["auth_time"] <= claims["iat"] < claims["exp"]
        read.append(claims)
    front, back = read
    assert front["c_hash"] == half_hash(answer["code"])
    assert front["s_hash"] == half_hash(answer["state"])
    assert back["at_hash"] == half_hash(tokens["access_token"])
    assert (front["sub"], front["acr"]) == (back["sub"], back["acr"])
    assert not {"name", "email"} & front.keys()


def half_hash(value: str) -> str:
    return b64(hashlib.sha256(value.encode()).digest()[:16])


@pytest.mark.conformance("fapi1-op", "user-rejects-authentication")
async def test_user_rejects_authentication(client: PlainClient) -> None:
    page = await visit(client, an_object(client))
    place, answer = await decide(client, page, decision="deny")
    assert (place, answer["error"], answer["state"]) == ("fragment", "access_denied", "the-state")
    assert not {"code", "id_token"} & answer.keys()


@pytest.mark.conformance("fapi1-op", "access-token-type-header-case-sensitivity")
async def test_access_token_type_header_case_sensitivity(client: PlainClient) -> None:
    code = (await _answer(client, "by value"))["code"]
    token = (await redeem(client, code)).json()["access_token"]
    for scheme in ("bEARER", "BEARER", "Bearer"):
        answer = await client.http.get("/userinfo", headers={"authorization": f"{scheme} {token}"})
        assert answer.status_code == 200


@pytest.mark.conformance("fapi1-op", "ensure-valid-pkce-succeeds")
async def test_ensure_valid_pkce_succeeds(client: PlainClient) -> None:
    """In the front channel too, where it is not asked for."""
    answer = (await login(client, client.request_object(response_type="code id_token")))[1]
    assert (await redeem(client, answer["code"], code_verifier=VERIFIER)).status_code == 200


@pytest.mark.conformance("fapi1-op", "ensure-authorization-request-without-state-success")
async def test_ensure_authorization_request_without_state_success(client: PlainClient) -> None:
    answer = await _answer(client, "by value", state=None)
    assert "state" not in answer
    assert "s_hash" not in claims_of(answer["id_token"])


@pytest.mark.conformance("fapi1-op", "ensure-other-scope-order-succeeds")
async def test_ensure_other_scope_order_succeeds(client: PlainClient) -> None:
    code = (await _answer(client, "by value", scope="accounts openid"))["code"]
    assert set((await redeem(client, code)).json()["scope"].split()) == {"openid", "accounts"}


@pytest.mark.conformance("fapi1-op")
@pytest.mark.parametrize(
    ("module", "changes"),
    [
        ("ensure-request-object-with-64-char-nonce-success", {"nonce": "n" * 64}),
        ("ensure-request-object-with-long-nonce", {"nonce": "n" * 384}),
        ("ensure-request-object-with-long-state", {"state": "s" * 1000}),
    ],
)
async def test_what_comes_back_is_never_cut(
    client: PlainClient, module: str, changes: dict[str, str]
) -> None:
    answer = await _answer(client, "by value", **changes)
    assert claims_of(answer["id_token"])["nonce"] == changes.get("nonce", "the-nonce"), module
    assert answer["state"] == changes.get("state", "the-state"), module


@pytest.mark.conformance("fapi1-op", "ensure-different-nonce-inside-and-outside-request-object")
async def test_ensure_different_nonce_inside_and_outside_request_object(client: PlainClient) -> None:
    _, answer = await decide(client, await visit(client, an_object(client), nonce="outside"))
    assert claims_of(answer["id_token"])["nonce"] == "the-nonce"


async def test_ensure_different_state_inside_and_outside_request_object(client: PlainClient) -> None:
    _, answer = await decide(client, await visit(client, an_object(client), state="outside"))
    assert answer["state"] == "the-state"


@pytest.mark.conformance("fapi1-op", "state-only-outside-request-object-not-used")
async def test_state_only_outside_request_object_not_used(client: PlainClient) -> None:
    _, answer = await decide(client, await visit(client, an_object(client, state=None), state="outside"))
    assert "state" not in answer


@pytest.mark.conformance("fapi1-op", "ensure-mtls-holder-of-key-required")
@pytest.mark.spec("FAPI1-ADV 5.2.2-5, -6")
async def test_ensure_mtls_holder_of_key_required(bank: LiveBank, client: PlainClient) -> None:
    code = (await _answer(client, "by value"))["code"]
    bare = bank.client(certificate=None)
    assert error_of(await redeem(bare, code)) == (400, "invalid_request", "FAPI1-ADV 5.2.2-5")
    assert (await redeem(client, code)).status_code == 200


@pytest.mark.conformance("fapi1-op", "attempt-reuse-authorisation-code-after-one-second")
@pytest.mark.spec("FAPI1-BL 5.2.2-13")
async def test_attempt_reuse_authorisation_code_after_one_second(bank: LiveBank, client: PlainClient) -> None:
    code = (await _answer(client, "by value"))["code"]
    token = (await redeem(client, code)).json()["access_token"]
    bank.clock.advance(1)
    assert error_of(await redeem(client, code)) == (400, "invalid_grant", "FAPI1-BL 5.2.2-13")
    answer = await client.http.get("/userinfo", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401, "what the code gave is revoked"


@pytest.mark.conformance("fapi1-op", "ensure-authorization-code-is-bound-to-client")
async def test_ensure_authorization_code_is_bound_to_client(bank: LiveBank, client: PlainClient) -> None:
    code = (await _answer(client, "by value"))["code"]
    assert error_of(await redeem(bank.client("other"), code))[:2] == (400, "invalid_grant")


@pytest.mark.conformance("fapi1-op", "ensure-client-id-in-token-endpoint")
@pytest.mark.spec("FAPI1-BL 5.2.2-19")
async def test_ensure_client_id_in_token_endpoint(client: PlainClient) -> None:
    form = client.code_form((await _answer(client, "by value"))["code"], code_verifier=None)
    authentication = {**client.authentication(), "client_id": "other"}
    refused = await client.token(form, authentication=authentication, proof=False)
    assert error_of(refused) == (401, "invalid_client", "FAPI1-BL 5.2.2-19")


@pytest.mark.conformance("fapi1-op", "refresh-token")
@pytest.mark.spec("RFC 6749 6")
async def test_refresh_token(bank: LiveBank, client: PlainClient) -> None:
    """Bound to the client; signed in and with a certificate each time; where it rotates, a lost answer is forgiven."""
    code = (await _answer(client, "by value"))["code"]
    form = {
        "grant_type": "refresh_token",
        "refresh_token": (await redeem(client, code)).json()["refresh_token"],
    }
    other, bare = bank.client("other"), bank.client(certificate=None)
    assert error_of(await other.token(form, proof=False))[:2] == (400, "invalid_grant")
    unproven = await client.token(form, authentication={"client_id": "fintech"}, proof=False)
    assert error_of(unproven)[:2] == (401, "invalid_client")
    assert error_of(await bare.token(form, proof=False)) == (400, "invalid_request", "FAPI1-ADV 5.2.2-5")
    for _ in range(2):
        answer = await client.token(form, proof=False)
        assert answer.status_code == 200, answer.text
        assert "x5t#S256" in claims_of(answer.json()["access_token"])["cnf"]


# Pushed requests.


@pytest.mark.conformance("fapi1-op", "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds")
async def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(client: PlainClient) -> None:
    request_uri = (await push(client)).json()["request_uri"]
    for _ in range(2):
        assert (await client.authorize(request_uri)).status_code == 200
    assert "code" in (await decide(client, await client.authorize(request_uri)))[1]


@pytest.mark.conformance("fapi1-op", "par-attempt-reuse-request_uri")
async def test_par_attempt_reuse_request_uri(client: PlainClient) -> None:
    request_uri = (await push(client)).json()["request_uri"]
    await decide(client, await client.authorize(request_uri))
    again = await client.authorize(request_uri)
    assert (again.status_code, "location" in again.headers) == (400, False)


@pytest.mark.conformance("fapi1-op", "par-attempt-to-use-expired-request_uri")
async def test_par_attempt_to_use_expired_request_uri(bank: LiveBank, client: PlainClient) -> None:
    pushed = (await push(client)).json()
    bank.clock.advance(pushed["expires_in"])
    assert "expired" in (await client.authorize(pushed["request_uri"])).text


@pytest.mark.conformance("fapi1-op", "par-attempt-to-use-request_uri-for-different-client")
async def test_par_attempt_to_use_request_uri_for_different_client(
    bank: LiveBank, client: PlainClient
) -> None:
    request_uri = (await push(client)).json()["request_uri"]
    refused = await bank.client("other").authorize(request_uri)
    assert (refused.status_code, "location" in refused.headers) == (400, False)


@pytest.mark.conformance("fapi1-op", "par-attempt-invalid-http-method")
async def test_par_attempt_invalid_http_method(client: PlainClient) -> None:
    form = {"request": client.request_object(response_type="code id_token"), **client.authentication()}
    assert (await client.http.request("PUT", "/par", data=form)).status_code == 405


@pytest.mark.conformance("fapi1-op", "par-without-duplicate-parameters")
async def test_par_without_duplicate_parameters(client: PlainClient) -> None:
    """client_id and request_uri suffice at the authorization endpoint."""
    assert "code" in await _answer(client, "pushed")


@pytest.mark.conformance("fapi1-op")
@pytest.mark.spec("FAPI1-ADV 5.2.2-18")
@pytest.mark.parametrize(
    ("module", "changes"),
    [
        ("par-ensure-pkce-required", {"code_challenge": None, "code_challenge_method": None}),
        ("par-plain-pkce-rejected", {"code_challenge": VERIFIER, "code_challenge_method": "plain"}),
    ],
)
async def test_pkce_of_a_pushed_request(client: PlainClient, module: str, changes: dict[str, Any]) -> None:
    assert error_of(await push(client, **changes)) == (400, "invalid_request", "FAPI1-ADV 5.2.2-18"), module


@pytest.mark.conformance("fapi1-op")
@pytest.mark.parametrize(
    ("module", "verifier"),
    [("ensure-pkce-code-verifier-required", None), ("incorrect-pkce-code-verifier-rejected", "w" * 43)],
)
async def test_the_verifier_of_a_pushed_request(
    client: PlainClient, module: str, verifier: str | None
) -> None:
    code = (await _answer(client, "pushed"))["code"]
    refused = await redeem(client, code, code_verifier=verifier)
    assert error_of(refused)[:2] == (400, "invalid_grant"), module


@pytest.mark.conformance("fapi1-op", "ensure-response-mode-query")
async def test_ensure_response_mode_query(client: PlainClient) -> None:
    """The result does not come in the query: the refusal neither."""
    place, answer = callback_of(await visit(client, an_object(client, response_mode="query")))
    assert (place, answer["error"]) == ("fragment", "invalid_request")


@pytest.mark.conformance("fapi1-op", "test-essential-acr-sca-claim")
@pytest.mark.parametrize("wish", ["value", "values"])
async def test_essential_acr_sca_claim(bank: LiveBank, client: PlainClient, wish: str) -> None:
    def asked(level: str) -> str:
        acr = {"essential": True, wish: level if wish == "value" else ["urn:bank:retina", level]}
        return an_object(client, claims={"claims": {"id_token": {"acr": acr}}})

    (level,) = bank.config.acr_levels
    _, answer = await login(client, asked(level))
    assert claims_of(answer["id_token"])["acr"] == level
    _, refusal = callback_of(await visit(client, asked("urn:bank:blood")))
    assert refusal["error"] == "unmet_authentication_requirements"
