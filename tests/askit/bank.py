"""The bank under test: one configuration, changed as a test says, driven in process with a clock that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from askit import AuthorizationServer, Config
from fapikit import HttpSettings, MemoryStore
from tests.askit.plain_client import ACCOUNTS, CALLBACK, ISSUER, PAYMENTS, PlainClient
from tests.clocks import FrozenClock
from tests.keys import a_key
from tests.mothers.certificates import Made

FINTECH: dict[str, Any] = {
    "client_id": "fintech",
    "client_name": "Fintech One",
    "redirect_uris": [CALLBACK],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": {"keys": [dict(a_key("ES256", 1).public_jwk)]},
}
OTHER: dict[str, Any] = {
    **FINTECH,
    "client_id": "other",
    "client_name": "Fintech Two",
    "jwks": {"keys": [dict(a_key("ES256", 2).public_jwk)]},
}


def an_api(client_id: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": [],
        "jwks": {"keys": [dict(a_key("ES256", number).public_jwk)]},
        **more,
    }


def settings(**changes: Any) -> dict[str, Any]:
    """The bank's configuration file as a mapping; a change of None takes a setting away."""
    members: dict[str, Any] = {
        "issuer": ISSUER,
        "name": "Example Bank",
        "clients": [FINTECH, OTHER, an_api("accounts-api", 3), an_api("payments-api", 4)],
        "users": [
            {
                "username": "alice",
                "password": "wonderland",
                "claims": {"sub": "user-alice", "name": "Alice", "email": "alice@example.test"},
            },
            {"username": "bob", "password": "builder"},
        ],
        "resources": [
            {"uri": ACCOUNTS, "scopes": ["accounts"], "introspection_clients": ["accounts-api"]},
            {
                "uri": PAYMENTS,
                "token_format": "opaque",
                "scopes": ["payments"],
                "introspection_clients": ["payments-api"],
            },
        ],
        "scopes": {
            "accounts": "See your accounts and balances",
            "payments": "Make payments that you approved",
        },
        "authorization_details_types": [
            {
                "type": "payment_initiation",
                "name": "Payment",
                "resource": PAYMENTS,
                "single_use": True,
                "required": ["instructedAmount", "creditorName"],
                "fields": {
                    "instructedAmount": {"currency": "string", "amount": "string"},
                    "creditorName": "string",
                    "creditorAccount": "object",
                },
            }
        ],
        **changes,
    }
    return {name: value for name, value in members.items() if value is not None}


def showing(app: Any, certificates: Sequence[Made]) -> Any:
    """`app` behind a server that tells of the handshake's certificates, as the ASGI TLS extension says."""
    if not certificates:
        return app

    async def called(scope: dict[str, Any], receive: Any, send: Any) -> None:
        extension = {"client_cert_chain": [each.pem for each in certificates]}
        await app({**scope, "extensions": {"tls": extension}}, receive, send)

    return called


class Bank:
    """A server and the means to reach it."""

    def __init__(self, *, http: HttpSettings | None = None, **changes: Any) -> None:
        self.clock = FrozenClock()
        self.store = MemoryStore(clock=self.clock)
        self.config = Config.from_mapping(settings(**changes))
        self.server = AuthorizationServer(self.config, store=self.store, http=http, clock=self.clock)
        self._opened: list[httpx.AsyncClient] = []

    def browser(self, address: str = "127.0.0.1", *, shows: Sequence[Made] = ()) -> httpx.AsyncClient:
        """A new one, without cookies; `shows`: its certificate, and what leads from that to an authority."""
        transport = httpx.ASGITransport(app=showing(self.server, shows), client=(address, 123))
        client = httpx.AsyncClient(transport=transport, base_url=ISSUER)
        self._opened.append(client)
        return client

    def client(self, client_id: str = "fintech", **more: Any) -> PlainClient:
        number = {"fintech": 1, "other": 2, "accounts-api": 3, "payments-api": 4}.get(client_id, 1)
        return PlainClient(
            clock=self.clock,
            client_id=client_id,
            **{"http": self.browser(), "key": a_key("ES256", number), **more},
        )
