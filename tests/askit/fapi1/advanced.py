"""How a client of FAPI 1.0 Advanced talks to a bank: each step of a plain client, with the defaults of that profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from tests.askit.bank import FINTECH, OTHER, an_api
from tests.askit.fapi1.answers import callback_of
from tests.askit.plain_client import PlainClient
from tests.keys import a_key

RSA = a_key("RS256", 1)
"""A second key of the client, of an algorithm that the profile does not have."""
CLIENTS: list[dict[str, Any]] = [
    {
        **FINTECH,
        "response_types": ["code", "code id_token"],
        "jwks": {"keys": [dict(a_key("ES256", 1).public_jwk), dict(RSA.public_jwk)]},
    },
    {**OTHER, "response_types": ["code", "code id_token"]},
]
APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]
JARM = {"response_type": "code", "response_mode": "jwt"}
MINUTE = 60
_TIMES = ("nbf", "exp", "iat")


def moved(client: PlainClient, claims: Mapping[str, Any]) -> dict[str, Any]:
    """The claims, with times that were written as seconds from now."""
    now = int(client.clock())
    return {name: now + v if name in _TIMES and isinstance(v, int) else v for name, v in claims.items()}


def an_object(client: PlainClient, **changes: Any) -> str:
    """Of a request for the hybrid flow, without PKCE, as Advanced has it; `claims` change those of the JWT."""
    return client.request_object(
        **{"response_type": "code id_token", "code_challenge": None, "code_challenge_method": None, **changes}
    )


async def visit(client: PlainClient, request_object: str, **outside: str) -> httpx.Response:
    """By value, through the browser, with what OpenID Connect has repeated outside."""
    repeated = {"client_id": client.client_id, "response_type": "code id_token", "scope": "openid"}
    return await client.http.get("/authorize", params={**repeated, "request": request_object, **outside})


async def push(client: PlainClient, **changes: Any) -> httpx.Response:
    """The same request pushed, with PKCE."""
    return await client.push(
        {"request": client.request_object(**{"response_type": "code id_token", **changes})}
    )


async def decide(
    client: PlainClient, page: httpx.Response, *, decision: str = "approve"
) -> tuple[str, dict[str, str]]:
    """Sign in and decide on an open page: where the answer's parameters are, and what they are."""
    page = await client.follow(page)
    if 'name="password"' in page.text:
        page = await client.submit(page, username="alice", password="wonderland")
    return callback_of(await client.submit(page, decision=decision))


async def login(client: PlainClient, request_object: str) -> tuple[str, dict[str, str]]:
    return await decide(client, await visit(client, request_object))


async def redeem(client: PlainClient, code: str, **changes: Any) -> httpx.Response:
    return await client.token(client.code_form(code, **{"code_verifier": None, **changes}), proof=False)
