"""A bank where tokens are exchanged: a fintech, the API that it calls, and the API behind that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.plain_client import ACCOUNTS, PAYMENTS, PlainClient, without
from tests.keys import a_key

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"
LEDGER = "https://api.example.test/ledger"
"""An API behind the accounts API. It knows the same scope."""
NOT_YOURS = "unknown here, has ended, or is a token that this client may not hand in"
API_KEY = a_key("ES256", 21)

OF_FINTECH = {**FINTECH, "grant_types": [*FINTECH["grant_types"], EXCHANGE]}
ACCOUNTS_API = an_api("accounts-api", 3, grant_types=[EXCHANGE])
PAYMENTS_API = an_api("payments-api", 4, grant_types=[EXCHANGE])
RESOURCES = [
    {"uri": ACCOUNTS, "scopes": ["accounts", "balances"], "introspection_clients": ["accounts-api"]},
    {
        "uri": PAYMENTS,
        "token_format": "opaque",
        "scopes": ["payments"],
        "introspection_clients": ["payments-api"],
    },
    {
        "uri": LEDGER,
        "token_format": "opaque",
        "scopes": ["accounts"],
        "introspection_clients": ["payments-api"],
    },
]
RULE = {
    "clients": ["accounts-api"],
    "received_tokens": True,
    "proof_checked_by_api": True,
    "resources": [LEDGER],
}


def a_bank(*rules: Mapping[str, Any], **changes: Any) -> Bank:
    return Bank(
        **{
            "clients": [OF_FINTECH, OTHER, ACCOUNTS_API, PAYMENTS_API],
            "resources": RESOURCES,
            "token_exchange": list(rules),
            **changes,
        }
    )


def api(bank: Bank, client_id: str = "accounts-api") -> PlainClient:
    return bank.client(client_id, dpop_key=API_KEY)


def form(subject_token: str, **changes: Any) -> dict[str, Any]:
    return without(
        {
            "grant_type": EXCHANGE,
            "subject_token": subject_token,
            "subject_token_type": f"{TYPE}access_token",
            **changes,
        }
    )


async def login(client: PlainClient, **changes: Any) -> dict[str, Any]:
    return await client.tokens(**{"scope": "openid accounts", "resource": [ACCOUNTS], **changes})


async def seen_by(bank: Bank, token: str, client_id: str = "payments-api") -> dict[str, Any]:
    return dict((await bank.client(client_id).introspect(token)).json())


async def exchanged(client: PlainClient, subject_token: str, **changes: Any) -> dict[str, Any]:
    response = await client.token(form(subject_token, **changes))
    assert response.status_code == 200, response.text
    return dict(response.json())


async def refusal(client: PlainClient, asked: Mapping[str, Any], **more: Any) -> tuple[str, str]:
    response = await client.token(asked, **more)
    assert response.status_code == 400, response.text
    return response.json()["error"], response.json()["error_description"]
