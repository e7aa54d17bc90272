"""Kill -9 after something has ended: what was not fetched yet is there when the bank is back. With FAPI 2 and DPoP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.askit.bank import FINTECH, an_api
from tests.askit.plain_client import ACCOUNTS, PlainClient
from tests.askit.processes import Process, free_port, prepare, serving
from tests.keys import claims_of

pytestmark = pytest.mark.anyio

SIGNALS = f"""
[shared_signals]

[[shared_signals.receivers]]
client_id = "accounts-api"
resources = ["{ACCOUNTS}"]
"""


class Api:
    """The receiver that stands for the API."""

    def __init__(self, process: Process, http: httpx.AsyncClient) -> None:
        self.client: PlainClient = process.client(http, "accounts-api", 3)
        self.token = ""

    async def call(self, method: str, path: str, members: Any) -> dict[str, Any]:
        """With a proof; one nonce challenge is answered."""
        if not self.token:
            form = {"grant_type": "client_credentials", "scope": "ssf.manage"}
            self.token = (await self.client.token(form)).json()["access_token"]
        for _ in range(2):
            url = f"{self.client.issuer}{path}"
            proof = self.client.proof(method, url, token=self.token)
            headers = {"authorization": f"DPoP {self.token}", "dpop": proof}
            response = await self.client.http.request(method, path, json=members, headers=headers)
            self.client.nonce = response.headers.get("dpop-nonce", self.client.nonce)
            if response.is_success:
                break
        assert response.is_success, response.text
        body: dict[str, Any] = response.json()
        return body


@pytest.mark.parametrize("store", ["sqlite", "valkey"])
async def test_an_event_outlives_the_process(
    tmp_path: Path, request: pytest.FixtureRequest, store: str
) -> None:
    url = "sqlite:///bank.db" if store == "sqlite" else request.getfixturevalue("valkey_url")
    port = free_port()
    issuer = prepare(tmp_path, store=url, port=port)
    clients = [
        FINTECH,
        an_api("accounts-api", 3, grant_types=["client_credentials"]),
        an_api("payments-api", 4),
    ]
    (tmp_path / "clients.json").write_text(json.dumps(clients))
    with (tmp_path / "bank.toml").open("a") as config:
        config.write(SIGNALS)
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            stream = await Api(process, http).call("POST", "/event_streams", {})
            client = process.client(http)
            tokens = await client.tokens(scope="openid accounts")
            sub = claims_of(tokens["access_token"])["sub"]
            form = {"token": tokens["refresh_token"], **client.authentication()}
            assert (await client.post("/revoke", form)).status_code == 200
            process.kill()
    poll = f"/event_streams/{stream['stream_id']}/poll"
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            api = Api(process, http)
            found = (await api.call("POST", poll, {"returnImmediately": True}))["sets"]
            ((jti, token),) = found.items()
            subject = claims_of(token)["sub_id"]
            assert subject["user"] == {"format": "iss_sub", "iss": issuer, "sub": sub}
            assert subject["application"] == {"format": "opaque", "id": "fintech"}
            acknowledged = {"returnImmediately": True, "ack": [jti]}
            assert (await api.call("POST", poll, acknowledged))["sets"] == {}
            process.kill()
    with serving(tmp_path, issuer, port) as process:
        async with process.http() as http:
            assert (await Api(process, http).call("POST", poll, {"returnImmediately": True}))["sets"] == {}
