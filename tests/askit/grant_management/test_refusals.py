"""One valid request of each kind, then one thing wrong at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.grant_management.managing import at_grant, granted, manager, told
from tests.askit.plain_client import ACCOUNTS, PAYMENTS, PlainClient

pytestmark = pytest.mark.anyio

APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


@pytest.mark.spec("GM 5.2", "GM 5.4")
@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"grant_management_action": "merge"}, "invalid_request", "needs grant_id"),
        ({"grant_management_action": "replace"}, "invalid_request", "needs grant_id"),
        ({"grant_id": "known"}, "invalid_request", "needs a grant_management_action"),
        ({"grant_management_action": "create", "grant_id": "known"}, "invalid_request", "leave out grant_id"),
        ({"grant_management_action": "update", "grant_id": "known"}, "invalid_request", "supports"),
        ({"grant_management_action": "query", "grant_id": "known"}, "invalid_request", "supports"),
        ({"grant_management_action": "merge", "grant_id": "x" * 43}, "invalid_grant_id", "unknown here"),
        ({"grant_management_action": "merge", "grant_id": "x" * 200}, "invalid_grant_id", "longer"),
        ({"grant_management_action": "merge", "grant_id": "unmanaged"}, "invalid_grant_id", "unknown here"),
        ({"scope": "openid grant_management_query"}, "invalid_scope", "client_credentials"),
    ],
)
async def test_a_wrong_request_is_refused_when_it_is_pushed(
    client: PlainClient, changes: dict[str, Any], error: str, words: str
) -> None:
    known = (await granted(client, "create"))["grant_id"]
    await client.code()
    page = await client.http.get("/grants")
    unmanaged = page.text.partition('name="grant_id" value="')[2].partition('"')[0]
    assert unmanaged != known
    named = {"known": known, "unmanaged": unmanaged}
    asked = {name: named.get(value, value) for name, value in changes.items()}
    answer = await client.push(client.request(**asked))
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert words in answer.json()["error_description"]


@pytest.mark.spec("GM 5.1", "GM 5.4")
async def test_a_grant_of_another_client_cannot_be_changed(bank: Bank, client: PlainClient) -> None:
    grant_id = (await granted(client, "create"))["grant_id"]
    for action in ("merge", "replace"):
        other = bank.client("other")
        answer = await other.push(other.request(grant_management_action=action, grant_id=grant_id))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant_id")


@pytest.mark.spec("GM 5.4")
async def test_a_grant_of_another_user_cannot_be_changed(bank: Bank, client: PlainClient) -> None:
    grant_id = (await granted(client, "create"))["grant_id"]
    for action in ("merge", "replace"):
        bob = {"username": "bob", "password": "builder"}
        callback = await told(bank.client(), grant_management_action=action, grant_id=grant_id, **bob)
        assert callback["error"] == "invalid_grant_id"
        assert "code" not in callback


@pytest.mark.spec("GM 5.4")
async def test_a_grant_that_ends_while_its_user_decides_is_not_revived(
    bank: Bank, client: PlainClient
) -> None:
    first = await granted(client, "create")
    uri = await client.pushed(grant_management_action="merge", grant_id=first["grant_id"])
    page = await client.follow(await client.authorize(uri))
    await at_grant(client, "DELETE", first["grant_id"], await manager(client))
    answer = await client.submit(page, decision="approve")
    assert "error=invalid_grant_id" in answer.headers["location"]
    assert (await at_grant(client, "GET", first["grant_id"], await manager(client))).status_code == 404


@pytest.mark.spec("GM 5.2a")
async def test_a_merge_never_joins_a_scope_with_an_api_that_nobody_granted_it_for() -> None:
    further = {"uri": "https://api.example.test/more", "scopes": ["accounts", "more"]}
    resources = [
        {"uri": ACCOUNTS, "scopes": ["accounts"], "introspection_clients": ["accounts-api"]},
        {"uri": PAYMENTS, "token_format": "opaque", "scopes": ["payments"]},
        further,
    ]
    bank = Bank(resources=resources)
    client = bank.client()
    first = await granted(client, "create", scope="openid accounts", resource=[ACCOUNTS])
    asked = {"scope": "more", "resource": [further["uri"]]}
    merge = client.request(grant_management_action="merge", grant_id=first["grant_id"], **asked)
    answer = await client.push(merge)
    assert answer.json()["error"] == "invalid_target"
    asked = {"scope": "accounts more", "resource": [further["uri"]]}
    merged = await granted(client, "merge", first["grant_id"], **asked)
    assert merged["scope"] == "openid accounts more"


@pytest.mark.spec("GM 5.2a")
async def test_a_grant_does_not_grow_without_end(client: PlainClient) -> None:
    details = [
        {
            "type": "payment_initiation",
            "creditorName": f"Merchant {number}",
            "instructedAmount": {"currency": "EUR", "amount": "1.00"},
        }
        for number in range(15)
    ]
    asked = {"scope": "openid payments", "resource": [PAYMENTS], "authorization_details": details}
    first = await granted(client, "create", **asked)
    merge = client.request(grant_management_action="merge", grant_id=first["grant_id"], **asked)
    answer = await client.push(merge)
    assert answer.json()["error"] == "invalid_authorization_details"
    assert "at most 20" in answer.json()["error_description"]


@pytest.mark.spec("GM 5.1")
async def test_a_public_client_manages_no_grants() -> None:
    public = {
        "client_id": "app",
        "redirect_uris": ["https://fintech.example.test/callback"],
        "token_endpoint_auth_method": "none",
    }
    bank = Bank(profile="oauth-2.1", clients=[FINTECH, public, *APIS])
    app = bank.client("app")
    anybody = {"client_id": "app"}
    answer = await app.push(app.request(grant_management_action="create"), authentication=anybody)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.spec("GM 5.4", "GM 7.1")
@pytest.mark.parametrize("of_client", [True, False])
async def test_where_an_action_is_required_a_request_without_one_is_refused(of_client: bool) -> None:
    changes: dict[str, Any] = {"grant_management": {"action_required": True}}
    if of_client:
        changes = {"clients": [{**FINTECH, "grant_management_action_required": True}, OTHER, *APIS]}
    bank = Bank(**changes)
    client = bank.client()
    answer = await client.push()
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "grant_management_action is missing" in answer.json()["error_description"]
    assert "grant_id" in await granted(client, "create")


@pytest.mark.spec("GM 5.1")
async def test_a_client_has_only_the_actions_that_it_is_registered_for() -> None:
    few = {**FINTECH, "grant_management_actions": ["create", "query"]}
    bank = Bank(clients=[few, OTHER, *APIS])
    client = bank.client()
    first = await granted(client, "create")
    merge = client.request(grant_management_action="merge", grant_id=first["grant_id"])
    assert (await client.push(merge)).json()["error"] == "unauthorized_client"
    token = await manager(client)
    assert (await at_grant(client, "DELETE", first["grant_id"], token)).status_code == 403
    assert (await at_grant(client, "GET", first["grant_id"], token)).status_code == 200
