"""A client that asks for users behind their backs (CIBA): each message made by hand, and changed as a test says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from fapikit import PrivateKey
from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.fapi1.answers import error_of
from tests.askit.plain_client import PlainClient, fresh, without
from tests.keys import mint

GRANT = "urn:openid:params:grant-type:ciba"
NOTIFIED = "https://fintech.example.test/notified"
TOKEN = "8f2Tz-the.token_that~comes+back/0123456789=="
POLL: dict[str, Any] = {
    **FINTECH,
    "grant_types": [*FINTECH["grant_types"], GRANT],
    "backchannel_token_delivery_mode": "poll",
}
SIGNING: dict[str, Any] = {**POLL, "backchannel_authentication_request_signing_alg": "ES256"}
PING: dict[str, Any] = {
    **POLL,
    "backchannel_token_delivery_mode": "ping",
    "backchannel_client_notification_endpoint": NOTIFIED,
}
PUSH: dict[str, Any] = {
    **PING,
    "grant_types": FINTECH["grant_types"],
    "backchannel_token_delivery_mode": "push",
}
APIS = [an_api("accounts-api", 3), an_api("payments-api", 4)]


def a_bank(client: Mapping[str, Any] = POLL, *, other: Mapping[str, Any] = OTHER, **changes: Any) -> Bank:
    return Bank(**{"clients": [client, other, *APIS], **changes})


class Asking:
    """A plain client, and what it sends to the backchannel authentication endpoint."""

    def __init__(self, client: PlainClient) -> None:
        self.client = client

    def request(self, **changes: Any) -> dict[str, Any]:
        """The parameters; a change of None takes one away."""
        return without(
            {
                "scope": "openid accounts",
                "login_hint": "alice",
                "binding_message": "Till 4: W4SCT",
                **changes,
            }
        )

    def signed(
        self, *, key: PrivateKey | None = None, alg: str | None = None, typ: str | None = None,
        claims: Mapping[str, Any] | None = None, **changes: Any,
    ) -> str:  # fmt: skip
        """The request as a JWT. `claims` are those of the JWT; its times are seconds from now."""
        now = int(self.client.clock())
        members = {
            **self.request(**changes),
            "iss": self.client.client_id,
            "aud": self.client.issuer,
            "exp": 300,
            "iat": 0,
            "nbf": 0,
            "jti": fresh("request"),
            **(claims or {}),
        }
        for name in ("exp", "iat", "nbf"):
            if isinstance(members[name], int):
                members[name] += now
        return mint(without(members), key or self.client.key, alg=alg, typ=typ)

    async def send(
        self, form: Mapping[str, Any] | None = None, *, authentication: Mapping[str, str] | None = None,
        proof: str | bool = False, **changes: Any,
    ) -> httpx.Response:  # fmt: skip
        """The answer to a request, plain unless `form` says otherwise."""
        client = self.client
        url = f"{client.issuer}/backchannel_authentication"
        sent = self.request(**changes) if form is None else form
        for _ in range(2):
            headers = {"dpop": client.proof("POST", url)} if proof else {}
            response = await client.post(
                "/backchannel_authentication",
                {**sent, **(authentication or client.authentication())},
                headers,
            )
            if not proof or response.json().get("error") != "use_dpop_nonce":
                return response
        return response

    async def started(self, form: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """The auth_req_id of a request that is accepted."""
        response = await self.send(form, **changes)
        assert response.status_code == 200, response.text
        return str(response.json()["auth_req_id"])

    async def refused(self, form: Mapping[str, Any] | None = None, **changes: Any) -> tuple[int, str, str]:
        """Status, code and clause of a request that is refused."""
        return error_of(await self.send(form, **changes))

    async def poll(
        self, auth_req_id: str | None, *, resource: str | None = None, **how: Any
    ) -> httpx.Response:
        """`how`: the arguments of `PlainClient.token`."""
        form = {"grant_type": GRANT, "auth_req_id": auth_req_id, "resource": resource}
        return await self.client.token(without(form), **how)


def asking(bank: Bank, client_id: str = "fintech", **more: Any) -> Asking:
    return Asking(bank.client(client_id, **more))
