"""The certification modules about whole flows (FAPI-CIBA OP), over TLS, with a clock that the test moves."""

from __future__ import annotations

import re
from typing import Any

import httpx
import jwt
import pytest

from tests.askit.ciba.asking import GRANT, TOKEN, Asking
from tests.askit.conformance.ciba.live import CibaBank
from tests.askit.hosting import Hosting

pytestmark = pytest.mark.anyio

FAPI = {"PS256", "ES256"}
SKEW = 300
"""Seconds: the bank's clock is ahead of this machine's, because the tests move it."""


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def started(client: Asking, **changes: Any) -> str:
    """The auth_req_id of a signed request."""
    return await client.started({"request": client.signed(**changes)})


async def approved(bank: CibaBank, client: Asking, **changes: Any) -> str:
    """The same, with the user's consent."""
    auth_req_id = await started(client, **changes)
    await bank.phone().decide("W4SCT")
    return auth_req_id


async def tokens_of(bank: CibaBank, client: Asking) -> dict[str, Any]:
    answer = await client.poll(await approved(bank, client))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def userinfo(client: Asking, token: str) -> httpx.Response:
    return await client.client.http.get("/userinfo", headers={"authorization": f"Bearer {token}"})


async def verified(bank: CibaBank, id_token: str) -> dict[str, Any]:
    """The claims, verified by another library with the published key that the token names."""
    keys = jwt.PyJWKSet.from_dict((await bank.asking().client.http.get("/jwks")).json())
    key = keys[jwt.get_unverified_header(id_token)["kid"]]
    how: dict[str, Any] = {"algorithms": sorted(FAPI), "leeway": SKEW, "options": {"verify_aud": False}}
    return dict(jwt.decode(id_token, key, issuer=bank.issuer, **how))


@pytest.mark.conformance("ciba-op", "discovery-end-point-verification")
@pytest.mark.spec("CIBA 4b", "CIBA 4c", "FAPI-CIBA 5.2.2-3", "FAPI-CIBA 5.2.2-4", "FAPI-CIBA 7.10")
async def test_discovery_end_point_verification(live_each: CibaBank) -> None:
    answer = await live_each.asking().client.http.get("/.well-known/openid-configuration")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    document = answer.json()
    assert document["issuer"] == live_each.issuer
    for name, value in document.items():
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith("https://"), name
    assert document["backchannel_authentication_endpoint"] == f"{live_each.issuer}/backchannel_authentication"
    assert set(document["backchannel_token_delivery_modes_supported"]) == {"poll", "ping"}
    signed = set(document["backchannel_authentication_request_signing_alg_values_supported"])
    assert signed
    assert signed <= FAPI
    assert document["backchannel_user_code_parameter_supported"] in (True, False)
    assert GRANT in document["grant_types_supported"]
    assert live_each.method in document["token_endpoint_auth_methods_supported"]
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert "openid" in document["scopes_supported"]


@pytest.mark.conformance("ciba-op", "brazil-discovery-end-point-verification")
async def test_brazil_discovery_end_point_verification(live: CibaBank) -> None:
    """What it looks at beyond the other one: the lists of CIBA are in the document of OpenID Connect too."""
    http = live.asking().client.http
    one = (await http.get("/.well-known/openid-configuration")).json()
    assert one == (await http.get("/.well-known/oauth-authorization-server")).json()
    assert "poll" in one["backchannel_token_delivery_modes_supported"]


def _is_an_answer(answer: httpx.Response) -> str:
    """The auth_req_id of an answer that has all it needs."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["expires_in"] > 0
    assert 0 < body["interval"] <= 60
    assert re.fullmatch(r"[A-Za-z0-9._-]{27,}", body["auth_req_id"])
    return str(body["auth_req_id"])


async def _whole_flow(bank: CibaBank, endpoint: Hosting | None) -> None:
    clients = {name: bank.asking(name) for name in ("fintech", "other")}
    told = {} if endpoint is None else {"client_notification_token": TOKEN}
    tokens, subjects, ids = {}, set(), set()
    for number, (name, client) in enumerate(clients.items(), 1):
        auth_req_id = _is_an_answer(await client.send({"request": client.signed(**told)}))
        assert error_of(await client.poll(auth_req_id)) == (400, "authorization_pending")
        await bank.phone().decide("W4SCT")
        if endpoint is not None:
            await endpoint.heard(number)
        bank.clock.advance(5)
        answer = await client.poll(auth_req_id)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
        body = answer.json()
        assert body["token_type"] == "Bearer"
        assert 0 < body["expires_in"] < 365 * 24 * 3600
        claims = await verified(bank, body["id_token"])
        assert claims["aud"] in (name, [name])
        assert "nonce" not in claims
        subjects.add(claims["sub"])
        ids.add(auth_req_id)
        tokens[name] = body["access_token"]
    assert len(subjects) == 1
    assert len(ids) == 2
    for name, token in tokens.items():
        for shown, client in clients.items():
            expected = 200 if shown == name else 401
            assert (await userinfo(client, token)).status_code == expected, (name, shown)
    if endpoint is not None:
        assert endpoint.seen == ["/notified"] * 2


@pytest.mark.conformance("ciba-op", "fapi-ciba-id1")
@pytest.mark.spec("CIBA 7.3a", "CIBA 10.1a", "FAPI-CIBA 5.2.2", "FAPI-CIBA 5.2.2-4")
async def test_fapi_ciba_id1(live_each: CibaBank) -> None:
    await _whole_flow(live_each, None)


@pytest.mark.spec("CIBA 10.2a", "FAPI-CIBA 5.2.2-5")
async def test_fapi_ciba_id1_by_ping(pinging_each: CibaBank, endpoint: Hosting) -> None:
    await _whole_flow(pinging_each, endpoint)


@pytest.mark.conformance("ciba-op", "user-rejects-authentication")
@pytest.mark.spec("CIBA 11b")
async def test_user_rejects_authentication(live: CibaBank) -> None:
    client = live.asking()
    auth_req_id = await started(client)
    await live.phone().decide("W4SCT", "deny")
    assert error_of(await client.poll(auth_req_id)) == (400, "access_denied")


@pytest.mark.conformance("ciba-op", "multiple-call-to-token-endpoint")
@pytest.mark.spec("CIBA 11a", "CIBA 11b")
async def test_multiple_call_to_token_endpoint(live: CibaBank) -> None:
    """Calls that come too fast; then the user agrees, and the tokens come all the same."""
    client = live.asking()
    auth_req_id = await started(client)
    answers = [error_of(await client.poll(auth_req_id)) for _ in range(4)]
    assert answers == [(400, "authorization_pending"), *[(400, "slow_down")] * 3]
    await live.phone().decide("W4SCT")
    assert (await client.poll(auth_req_id)).status_code == 200


@pytest.mark.conformance("ciba-op", "auth-req-id-expired")
@pytest.mark.spec("CIBA 7.1.1c", "CIBA 11b")
async def test_auth_req_id_expired(live: CibaBank) -> None:
    client = live.asking()
    auth_req_id = await started(client, requested_expiry=10)
    live.clock.advance(11)
    assert error_of(await client.poll(auth_req_id)) == (400, "expired_token")


@pytest.mark.conformance("ciba-op", "refresh-token")
async def test_refresh_token(live: CibaBank) -> None:
    """It works for its own client, with its own certificate and assertion, and for nobody else."""
    client, other = live.asking(), live.asking("other")
    refresh_token = (await tokens_of(live, client))["refresh_token"]
    assert error_of(await other.client.refresh(refresh_token)) == (400, "invalid_grant")
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    nobody = await client.client.token(form, authentication={"client_id": "fintech"})
    assert error_of(nobody) == (401, "invalid_client")
    bare = live.asking(certificate=None)
    assert error_of(await bare.client.refresh(refresh_token)) == (400, "invalid_request")
    for _ in range(2):  # it is not used up: an answer may be lost
        answer = await client.client.refresh(refresh_token)
        assert answer.status_code == 200, answer.text
        assert (await userinfo(client, answer.json()["access_token"])).status_code == 200


@pytest.mark.conformance("ciba-op", "ensure-mtls-holder-of-key-required")
@pytest.mark.spec("FAPI1-ADV 5.2.2-5", "RFC 8705 3.3")
async def test_ensure_mtls_holder_of_key_required(live_each: CibaBank) -> None:
    """Without the certificate no token comes, and a token that came is worth nothing."""
    client, bare = live_each.asking(), live_each.asking(certificate=None)
    auth_req_id = await approved(live_each, client)
    by_assertion = live_each.method == "private_key_jwt"
    refusal = (400, "invalid_request") if by_assertion else (401, "invalid_client")
    assert error_of(await bare.poll(auth_req_id)) == refusal
    token = (await client.poll(auth_req_id)).json()["access_token"]
    assert (await userinfo(bare, token)).status_code == 401
    assert (await userinfo(client, token)).status_code == 200
