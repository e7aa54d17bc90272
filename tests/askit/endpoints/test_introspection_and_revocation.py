"""What an API learns of a token, and how a client gives one up."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.askit.bank import FINTECH, Bank, an_api
from tests.askit.plain_client import ISSUER, PlainClient
from tests.keys import a_key, header_of

pytestmark = pytest.mark.anyio

SIGNED = "application/token-introspection+jwt"


@pytest.mark.spec("RFC 7662 2.2", "RFC 9449 6")
@pytest.mark.spec("RFC 9470 6")
async def test_an_api_sees_a_token_that_is_meant_for_it(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    seen = (await bank.client("accounts-api").introspect(tokens["access_token"])).json()
    assert seen["active"] is True
    assert (seen["iss"], seen["sub"], seen["client_id"]) == (ISSUER, "user-alice", "fintech")
    assert (seen["scope"], seen["token_type"]) == ("accounts", "DPoP")
    assert seen["cnf"] == {"jkt": client.dpop_key.thumbprint}
    assert seen["acr"] == bank.config.acr
    assert seen["auth_time"] == int(bank.clock())


@pytest.mark.spec("RFC 9701 3", "RFC 9701 5b")
async def test_an_api_learns_nothing_of_a_token_for_another(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    api = bank.client("payments-api")
    for token in (tokens["access_token"], tokens["refresh_token"], tokens["id_token"], "made-up"):
        assert (await api.introspect(token)).json() == {"active": False}


async def test_an_expired_token_is_inactive(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    bank.clock.advance(tokens["expires_in"])
    assert (await bank.client("accounts-api").introspect(tokens["access_token"])).json() == {"active": False}


@pytest.mark.spec("FAPI2-MS 6.2")
async def test_an_ordinary_client_may_not_introspect(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    for asking in (client, bank.client("other")):
        refused = await asking.introspect(tokens["access_token"])
        assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.spec("RFC 9701 4", "RFC 9701 5d")
async def test_introspection_needs_authentication(client: PlainClient) -> None:
    plain = await client.post("/introspect", {"token": "x", "client_id": "accounts-api"})
    assert (plain.status_code, plain.json()["error"]) == (401, "invalid_client")
    signed = await client.post("/introspect", {"token": "x", "client_id": "accounts-api"}, {"accept": SIGNED})
    assert (signed.status_code, signed.json()["error"]) == (400, "invalid_client")


@pytest.mark.spec("RFC 9701 5a", "RFC 9701 5c", "FAPI2-MS 5.5.1-1")
async def test_a_signed_introspection_response(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    response = await bank.client("accounts-api").introspect(tokens["access_token"], accept=SIGNED)
    assert response.status_code == 200
    assert response.headers["content-type"] == SIGNED
    assert header_of(response.text)["typ"] == "token-introspection+jwt"
    keys = KeySet.import_key_set((await client.http.get("/jwks")).json())
    claims = jwt.decode(response.text, keys, algorithms=["ES256"]).claims
    assert set(claims) == {"iss", "aud", "iat", "token_introspection"}
    assert (claims["iss"], claims["aud"], claims["iat"]) == (ISSUER, "accounts-api", int(bank.clock()))
    assert claims["token_introspection"]["active"] is True
    assert claims["token_introspection"]["cnf"] == {"jkt": client.dpop_key.thumbprint}


async def test_a_signed_answer_about_a_foreign_token_says_inactive_alone(
    bank: Bank, client: PlainClient
) -> None:
    tokens = await client.tokens()
    response = await bank.client("payments-api").introspect(tokens["access_token"], accept=SIGNED)
    keys = KeySet.import_key_set((await client.http.get("/jwks")).json())
    claims = jwt.decode(response.text, keys, algorithms=["ES256"]).claims
    assert claims["token_introspection"] == {"active": False}


async def test_the_registered_algorithm_signs_introspection_and_userinfo() -> None:
    bank = Bank(
        clients=[
            {**FINTECH, "userinfo_signed_response_alg": "PS256", "id_token_signed_response_alg": "Ed25519"},
            an_api("accounts-api", 3, introspection_signed_response_alg="PS256"),
            an_api("payments-api", 4),
        ]
    )
    client = bank.client()
    tokens = await client.tokens()
    assert header_of(tokens["id_token"])["alg"] == "Ed25519"
    signed = await bank.client("accounts-api").introspect(tokens["access_token"], accept=SIGNED)
    assert header_of(signed.text)["alg"] == "PS256"
    userinfo = await client.userinfo(tokens["access_token"])
    assert userinfo.headers["content-type"] == "application/jwt"
    keys = KeySet.import_key_set((await client.http.get("/jwks")).json())
    claims = jwt.decode(userinfo.text, keys, algorithms=["PS256"]).claims
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, "fintech", "user-alice")


# Revocation


async def _active(bank: Bank, token: str) -> bool:
    return bool((await bank.client("accounts-api").introspect(token)).json()["active"])


@pytest.mark.spec("RFC 7009 2.1")
async def test_a_refresh_token_takes_all_of_its_grant_along(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    renewed = (await client.refresh(tokens["refresh_token"])).json()
    form = {"token": tokens["refresh_token"], "token_type_hint": "refresh_token"}
    assert (await client.post("/revoke", {**form, **client.authentication()})).status_code == 200
    assert not await _active(bank, tokens["access_token"])
    assert not await _active(bank, renewed["access_token"])
    assert (await client.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_an_access_token_goes_alone(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    renewed = (await client.refresh(tokens["refresh_token"])).json()
    form = {"token": tokens["access_token"], "token_type_hint": "unheard_of"}
    assert (await client.post("/revoke", {**form, **client.authentication()})).status_code == 200
    assert not await _active(bank, tokens["access_token"])
    assert await _active(bank, renewed["access_token"])


@pytest.mark.spec("RFC 7009 2.2")
async def test_a_token_that_nobody_knows_is_revoked_already(client: PlainClient) -> None:
    assert (await client.post("/revoke", {"token": "x", **client.authentication()})).status_code == 200


async def test_nobody_revokes_the_token_of_another(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    other = bank.client("other")
    for token in (tokens["access_token"], tokens["refresh_token"]):
        refused = await other.post("/revoke", {"token": token, **other.authentication()})
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert await _active(bank, tokens["access_token"])
    unknown = await client.post("/revoke", {"token": tokens["access_token"], "client_id": "fintech"})
    assert unknown.status_code == 401


async def test_a_token_is_needed(client: PlainClient) -> None:
    for path in ("/revoke", "/introspect"):
        asking = (
            client
            if path == "/revoke"
            else PlainClient(
                http=client.http, clock=client.clock, client_id="accounts-api", key=a_key("ES256", 3)
            )
        )
        refused = await asking.post(path, asking.authentication())
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
