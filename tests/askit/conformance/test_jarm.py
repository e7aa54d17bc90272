"""Signed authorization responses, and the plain modes (checks 125 to 127)."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.askit.bank import FINTECH, Bank, an_api
from tests.askit.plain_client import CALLBACK, ISSUER, PlainClient, read_callback

pytestmark = pytest.mark.anyio


async def _verified(client: PlainClient, response: str) -> dict[str, Any]:
    keys = KeySet.import_key_set((await client.http.get("/jwks")).json())
    return dict(jwt.decode(response, keys, algorithms=["ES256", "PS256", "Ed25519"]).claims)


def _hidden_fields(page: str) -> dict[str, str]:
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in fields}


@pytest.mark.spec("JARM 2.1a", "JARM 2.2", "FAPI2-MS 5.4.1-1", "FAPI2-MS 5.4.1 N")
@pytest.mark.parametrize("mode", ["jwt", "query.jwt", "fragment.jwt"])
@pytest.mark.spec("JARM 2.3.4")
async def test_a_signed_response(client: PlainClient, mode: str) -> None:
    response = await client.decide(await client.pushed(response_mode=mode))
    assert ("#" in response.headers["location"]) == (mode == "fragment.jwt")
    callback = read_callback(response)
    assert set(callback) == {"response"}
    claims = await _verified(client, callback["response"])
    now = int(client.clock())
    assert set(claims) == {"iss", "aud", "exp", "iat", "code", "state"}
    assert (claims["iss"], claims["aud"], claims["state"]) == (client.issuer, "fintech", "the-state")
    assert now + 10 <= claims["exp"] <= now + 600
    assert (await client.redeem(claims["code"])).status_code == 200


async def test_a_signed_response_by_form_post(client: PlainClient) -> None:
    page = await client.decide(await client.pushed(response_mode="form_post.jwt"))
    assert page.status_code == 200
    assert f'action="{CALLBACK}"' in page.text
    fields = _hidden_fields(page.text)
    assert set(fields) == {"response"}
    assert "code" in await _verified(client, fields["response"])


@pytest.mark.spec("JARM 2.1a", "JARM 2.3.4")
@pytest.mark.parametrize("by_value", [False, True])
@pytest.mark.parametrize("mode", ["jwt", "query.jwt", "fragment.jwt", "form_post.jwt", "fragment", None])
async def test_a_request_that_was_not_pushed_is_refused_in_the_mode_it_asked_for(
    by_value: bool, mode: str | None
) -> None:
    """A client that awaits a signed response reads no other; the parameters of a request object count alone."""
    client = Bank(profile="oauth-2.1").client()
    wrong = {"scope": "unheard-of", "response_mode": mode}
    if by_value:
        query = {"request": client.request_object(**wrong), "response_mode": "query", "state": "outer"}
    else:
        query = client.request(**wrong)
    response = await client.http.get("/authorize", params={**query, "client_id": "fintech"})
    if mode == "form_post.jwt":
        assert f'action="{CALLBACK}"' in response.text
        callback = _hidden_fields(response.text)
    else:
        callback = read_callback(response)
        assert ("#" in response.headers["location"]) == str(mode).startswith("fragment")
    if mode is not None and "jwt" in mode:
        assert set(callback) == {"response"}
        callback = await _verified(client, callback["response"])
        assert callback["aud"] == "fintech"
    assert (callback["error"], callback["state"], callback["iss"]) == ("invalid_scope", "the-state", ISSUER)


async def test_a_mode_that_is_not_to_be_had_is_refused_by_query_or_signed_where_that_is_a_must() -> None:
    bank = Bank(profile="oauth-2.1")
    client = bank.client()
    query = {**client.request(response_mode="smoke"), "client_id": "fintech"}
    assert read_callback(await client.http.get("/authorize", params=query))["error"] == "invalid_request"
    bank.server.core.profile = replace(bank.config.profile, jarm_required=True)
    callback = read_callback(await client.http.get("/authorize", params=query))
    assert (await _verified(client, callback["response"]))["error"] == "invalid_request"


async def test_an_error_is_signed_too(client: PlainClient) -> None:
    response = await client.decide(await client.pushed(response_mode="jwt"), decision="deny")
    claims = await _verified(client, read_callback(response)["response"])
    assert claims["error"] == "access_denied"
    assert claims["aud"] == "fintech"


@pytest.mark.spec("JARM 3")
async def test_the_registered_algorithm_signs() -> None:
    bank = Bank(
        clients=[
            {**FINTECH, "authorization_signed_response_alg": "Ed25519"},
            an_api("accounts-api", 3),
            an_api("payments-api", 4),
        ]
    )
    client = bank.client()
    response = await client.decide(await client.pushed(response_mode="jwt"))
    assert "code" in await _verified(client, read_callback(response)["response"])


@pytest.mark.spec("FAPI2-MS 5.4.1-1")
@pytest.mark.parametrize("mode", [None, "query", "fragment", "form_post"])
async def test_a_plain_mode_is_refused_where_responses_are_signed(
    signer: PlainClient, mode: str | None
) -> None:
    response = await signer.push({"request": signer.request_object(response_mode=mode)})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.spec("RFC 9207 2", "FAPI2-SP 5.3.2.2-7")
async def test_plain_modes_carry_iss(client: PlainClient) -> None:
    in_fragment = await client.decide(await client.pushed(response_mode="fragment"))
    assert in_fragment.headers["location"].startswith(f"{CALLBACK}#")
    assert read_callback(in_fragment)["iss"] == ISSUER
    posted = await client.decide(await client.pushed(response_mode="form_post"))
    fields = _hidden_fields(posted.text)
    assert set(fields) == {"code", "state", "iss"}
    assert fields["iss"] == ISSUER


@pytest.mark.spec("FAPI2-MS 5.3.3")
async def test_a_client_may_use_the_modes_it_registered_only() -> None:
    registered = {**FINTECH, "response_modes": ["query"]}
    bank = Bank(clients=[registered, an_api("accounts-api", 3), an_api("payments-api", 4)])
    client = bank.client()
    assert (await client.push()).status_code == 201
    refused = await client.push(client.request(response_mode="fragment"))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
