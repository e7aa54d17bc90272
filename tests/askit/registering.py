"""How a new client registers itself, for the tests of what comes of that."""

from __future__ import annotations

from typing import Any

import httpx

from tests.askit.bank import Bank
from tests.askit.plain_client import CALLBACK
from tests.keys import a_key

OPENER = "open-sesame"
OPEN: dict[str, Any] = {"initial_access_token": OPENER, "registration": {"scopes": ["openid", "accounts"]}}
"""Settings of a bank where clients register themselves, and get at one of its APIs with their users' consent."""
ASKED: dict[str, Any] = {
    "client_name": "New Fintech",
    "redirect_uris": [CALLBACK],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": {"keys": [dict(a_key("ES256", 7).public_jwk)]},
}


async def register(
    bank: Bank, token: str | None = OPENER, *, address: str = "127.0.0.1", **changes: Any
) -> httpx.Response:
    """The answer to a registration; a change of None leaves a member out."""
    asked = {name: value for name, value in {**ASKED, **changes}.items() if value is not None}
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return await bank.browser(address).post("/register", json=asked, headers=headers)


def whole(registered: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The whole registration once more, as RFC 7592 2.2 wants it; a change of None leaves a member out."""
    ours = {
        "registration_access_token", "registration_client_uri", "client_id_issued_at", "client_secret_expires_at"
    }  # fmt: skip
    kept = {name: value for name, value in registered.items() if name not in ours}
    return {name: value for name, value in {**kept, **changes}.items() if value is not None}


async def update(bank: Bank, registered: dict[str, Any], **changes: Any) -> httpx.Response:
    """The answer to an update by the client itself."""
    return await bank.browser().put(
        registered["registration_client_uri"],
        json=whole(registered, **changes),
        headers={"authorization": f"Bearer {registered['registration_access_token']}"},
    )
