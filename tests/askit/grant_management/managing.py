"""A client that manages its grants: each message made by hand, and changed as a test says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from tests.askit.bank import Bank
from tests.askit.plain_client import ACCOUNTS, PAYMENTS, PlainClient, read_callback

BOTH = "grant_management_query grant_management_revoke"
ALL: dict[str, Any] = {"scope": "openid accounts payments", "resource": [ACCOUNTS, PAYMENTS]}


async def granted(
    client: PlainClient, action: str, grant_id: str | None = None, **asked: Any
) -> dict[str, Any]:
    """The token response of a whole flow with this action."""
    form = {"grant_management_action": action, "grant_id": grant_id, **asked}
    at = {} if "resource" not in asked else {"resource": asked["resource"][-1]}
    answer = await client.redeem(await client.code(**form), **at)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def manager(client: PlainClient, scope: str = BOTH) -> str:
    """The client's own access token for the grant management endpoint."""
    answer = await client.token({"grant_type": "client_credentials", "scope": scope})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def at_grant(
    client: PlainClient, method: str, grant_id: str, token: str, **headers: str
) -> httpx.Response:
    """One call of the grant management endpoint. It answers a nonce challenge."""
    path = f"/grant_management/{grant_id}"
    for _ in range(2):
        proof = client.proof(method, f"{client.issuer}{path}", token=token)
        sent = {"authorization": f"DPoP {token}", "dpop": proof, **headers}
        answer = await client.http.request(method, path, headers=sent)
        client.nonce = answer.headers.get("dpop-nonce", client.nonce)
        if "use_dpop_nonce" not in answer.headers.get("www-authenticate", ""):
            return answer
    return answer


async def held(client: PlainClient, grant_id: str) -> dict[str, Any]:
    """What the endpoint says that the grant holds."""
    answer = await at_grant(client, "GET", grant_id, await manager(client))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def seen(bank: Bank, token: str, api: str = "accounts-api") -> dict[str, Any]:
    """What this API learns of a token."""
    answer = await bank.client(api).introspect(token)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def told(client: PlainClient, **who: str) -> dict[str, str]:
    """The callback of a request that its user may not, or cannot, decide on; `who` signs in."""
    request: Mapping[str, Any] = {
        name: value for name, value in who.items() if name not in ("username", "password")
    }
    signs = {name: who[name] for name in ("username", "password") if name in who}
    return read_callback(await client.decide(await client.pushed(**request), **signs))
