"""Each setting of a lodged type does what docs/consents.md says, and text from a client stays text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer, Config
from tests.askit.bank import Bank, settings
from tests.askit.intents.lodging import BODIES, Lodger, a_type, changed
from tests.askit.plain_client import ACCOUNTS, PlainClient

pytestmark = pytest.mark.anyio

AIS = "berlin-group-consent"


def a_bank(base: Path | str = ".", **lodged: Any) -> Bank:
    bank = Bank()
    types = [a_type(AIS, ACCOUNTS, "accounts", lodged=lodged)]
    bank.config = Config.from_mapping(settings(authorization_details_types=types), base=base)
    bank.server = AuthorizationServer(bank.config, store=bank.store, clock=bank.clock)
    return bank


async def call(client: PlainClient, method: str, path: str, body: Any = None) -> httpx.Response:
    form = {"grant_type": "client_credentials", "scope": "accounts"}
    token = (await client.token(form)).json()["access_token"]
    proof = client.proof(method, f"{client.issuer}{path}", token=token)
    headers = {"authorization": f"DPoP {token}", "dpop": proof}
    return await client.http.request(method, path, json=body, headers=headers)


async def test_an_intent_waits_as_long_as_the_setting_says() -> None:
    bank = a_bank(path="/berlin/consents", authorise_within=10)
    client = bank.client()
    answer = await call(client, "POST", "/berlin/consents", BODIES[AIS])
    assert answer.status_code == 201, answer.text
    intent_id, link = answer.json()["consentId"], answer.json()["_links"]["self"]["href"]
    assert link == f"{client.issuer}/berlin/consents/{intent_id}"
    bank.clock.advance(9)
    assert (await client.push(client.request(scope=f"openid AIS:{intent_id}"))).status_code == 201
    bank.clock.advance(1)
    refused = await client.push(client.request(scope=f"openid AIS:{intent_id}"))
    assert refused.json()["error_description"].startswith("this intent has lapsed")
    told = await call(client, "GET", f"/berlin/consents/{intent_id}")
    assert told.json()["consentStatus"] == "expired"
    bank.clock.advance(86_401)
    assert (await call(client, "GET", f"/berlin/consents/{intent_id}")).status_code == 404


async def test_the_schema_of_a_body_may_be_a_file(tmp_path: Path) -> None:
    schema = {"properties": {"validUntil": {"format": "date"}}, "required": ["purpose"]}
    (tmp_path / "body.json").write_text(json.dumps(schema))
    bank = a_bank(tmp_path, body_schema="body.json")
    client = bank.client()
    answer = await call(client, "POST", "/v1/consents", BODIES[AIS])
    assert answer.json()["error_description"] == "purpose is missing [LODGING 1]"
    answer = await call(client, "POST", "/v1/consents", {**BODIES[AIS], "purpose": "to lend"})
    assert answer.status_code == 201, answer.text


async def test_text_of_a_client_is_shown_as_text(fintech: Lodger) -> None:
    shape = "uk-domestic-payment"
    hostile = "<script>alert(1)</script>\u202eCNI EMCA"
    body = changed(BODIES[shape], "Data.Initiation.CreditorAccount.Name", hostile)
    request_uri = await fintech.request_uri(shape, await fintech.lodged(shape, body))
    page = await fintech.plain.follow(await fintech.plain.authorize(request_uri))
    page = await fintech.plain.submit(page, username="alice", password="wonderland")
    assert page.text.count("&lt;script&gt;alert(1)&lt;/script&gt; CNI EMCA") == 2
    assert "<script>" not in page.text
    assert "\u202e" not in page.text
