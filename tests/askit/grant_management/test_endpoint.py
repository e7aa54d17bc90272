"""The grant management endpoint: what it tells, what it ends, and whom it answers."""

from __future__ import annotations

import pytest

from tests.askit.bank import Bank
from tests.askit.grant_management.managing import ALL, BOTH, at_grant, granted, held, manager, seen
from tests.askit.plain_client import ACCOUNTS, PAYMENTS, PlainClient

pytestmark = pytest.mark.anyio


@pytest.mark.spec("GM 6.2", "GM 7.1")
async def test_the_metadata_say_what_there_is(bank: Bank, client: PlainClient) -> None:
    document = (await client.http.get("/.well-known/oauth-authorization-server")).json()
    assert document["grant_management_endpoint"] == f"{client.issuer}/grant_management"
    assert document["grant_management_actions_supported"] == ["create", "merge", "replace", "query", "revoke"]
    assert document["grant_management_action_required"] is False
    assert {"grant_management_query", "grant_management_revoke"} <= set(document["scopes_supported"])
    bare = Bank(grant_management={"actions": []}).client()
    document = (await bare.http.get("/.well-known/oauth-authorization-server")).json()
    assert not [name for name in document if name.startswith("grant_management")]
    assert "grant_management_query" not in document["scopes_supported"]


@pytest.mark.spec("GM 6.4")
async def test_a_query_tells_what_the_grant_holds(bank: Bank, client: PlainClient) -> None:
    claims = {"userinfo": {"email": None, "unknown_here": None}, "id_token": {"name": {"essential": True}}}
    first = await granted(client, "create", claims=claims, **ALL)
    now = int(bank.clock())
    assert await held(client, first["grant_id"]) == {
        "scopes": [
            {"scope": "openid"},
            {"scope": "accounts", "resource": [ACCOUNTS]},
            {"scope": "payments", "resource": [PAYMENTS]},
        ],
        "claims": ["email", "name"],
        "created_at": now,
        "last_updated_at": now,
        "expires_at": now + 90 * 86_400,
        "updated_by": "client",
    }


@pytest.mark.spec("GM 6.5")
async def test_a_revoked_grant_takes_every_token_with_it(bank: Bank, client: PlainClient) -> None:
    first = await granted(client, "create", scope="openid accounts")
    unredeemed = await client.code(grant_management_action="merge", grant_id=first["grant_id"])
    kept = await granted(client, "create", scope="openid accounts")
    token = await manager(client)
    answer = await at_grant(client, "DELETE", first["grant_id"], token)
    assert (answer.status_code, answer.content) == (204, b"")
    assert await seen(bank, first["access_token"]) == {"active": False}
    assert (await client.refresh(first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await client.redeem(unredeemed)).json()["error"] == "invalid_grant"
    for method in ("GET", "DELETE"):
        assert (await at_grant(client, method, first["grant_id"], token)).status_code == 404
    assert (await seen(bank, kept["access_token"]))["active"] is True


@pytest.mark.spec("GM 6.1", "GM 6.6")
@pytest.mark.parametrize(
    ("method", "changes", "status", "error"),
    [
        ("GET", {"scope": "grant_management_revoke"}, 403, "insufficient_scope"),
        ("DELETE", {"scope": "grant_management_query"}, 403, "insufficient_scope"),
        ("GET", {"scope": "accounts"}, 403, "insufficient_scope"),
        ("GET", {"scope": "accounts grant_management_query"}, 403, "insufficient_scope"),
        ("DELETE", {"who": "other"}, 403, "unauthorized_client"),
        ("GET", {"who": "other"}, 403, "unauthorized_client"),
        ("GET", {"grant_id": "x" * 43}, 404, "invalid_request"),
        ("DELETE", {"grant_id": "..%2Fgrants"}, 404, "invalid_request"),
        ("GET", {"token": "unknown"}, 401, "invalid_token"),
        ("DELETE", {"dpop": "no proof"}, 401, "invalid_dpop_proof"),
        ("DELETE", {"authorization": "Bearer {token}"}, 401, "invalid_token"),
        ("GET", {"authorization": "DPoP {login}"}, 401, "invalid_dpop_proof"),
    ],
)
async def test_whoever_may_not_do_it_is_refused_and_the_grant_stays(
    bank: Bank, client: PlainClient, method: str, changes: dict[str, str], status: int, error: str
) -> None:
    first = await granted(client, "create")
    caller = bank.client(changes.get("who", "fintech"))
    token = changes.get("token") or await manager(caller, changes.get("scope", BOTH))
    headers = {
        name: changes[name].format(token=token, login=first["access_token"])
        for name in ("dpop", "authorization")
        if name in changes
    }
    answer = await at_grant(caller, method, changes.get("grant_id", first["grant_id"]), token, **headers)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert (await seen(bank, first["access_token"]))["active"] is True


@pytest.mark.spec("GM 6.3")
async def test_there_is_no_list_of_grants(client: PlainClient) -> None:
    for path in ("/grant_management", "/grant_management/"):
        assert (await client.http.get(path)).status_code == 404


async def test_without_a_token_the_accepted_schemes_are_told(client: PlainClient) -> None:
    answer = await client.http.get("/grant_management/some-grant")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("DPoP ")


async def test_a_store_that_does_not_answer_is_no_answer_about_the_grant(
    bank: Bank, client: PlainClient
) -> None:
    first = await granted(client, "create")
    token = await manager(client)
    grant_key = bank.server.core.records.key("grant", first["grant_id"])
    bank.store.put(grant_key, b"not a record", 60)
    answer = await at_grant(client, "GET", first["grant_id"], token)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
