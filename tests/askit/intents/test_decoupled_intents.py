"""An intent that is named where nobody is redirected: by a device, and by CIBA."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.askit.bank import OTHER, Bank, settings
from tests.askit.ciba.asking import APIS, POLL, asking
from tests.askit.decoupled.television import DEVICE_CODE, Holder, Television, seen
from tests.askit.intents.lodging import BODIES, PATHS, a_type
from tests.askit.plain_client import ACCOUNTS, PlainClient

pytestmark = pytest.mark.anyio

AIS = "berlin-group-consent"
SCREEN: dict[str, Any] = {**POLL, "grant_types": [*POLL["grant_types"], DEVICE_CODE]}


def a_bank(**changes: Any) -> Bank:
    types = [
        *settings()["authorization_details_types"],
        a_type(AIS, ACCOUNTS, "accounts", name="Access to balances"),
    ]
    other = {**POLL, "client_id": "other", "jwks": OTHER["jwks"]}
    given = {"clients": [SCREEN, other, *APIS], "authorization_details_types": types}
    return Bank(**{**given, **changes})


async def lodged(client: PlainClient) -> str:
    answer = await client.token({"grant_type": "client_credentials", "scope": "accounts"})
    token, path = answer.json()["access_token"], PATHS[AIS]
    for _ in range(2):
        proof = client.proof("POST", f"{client.issuer}{path}", token=token)
        headers = {"authorization": f"DPoP {token}", "dpop": proof, "content-type": "application/json"}
        answer = await client.http.post(path, content=json.dumps(BODIES[AIS]), headers=headers)
        client.nonce = answer.headers.get("dpop-nonce", client.nonce)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["consentId"])


@pytest.mark.spec("LODGING 4", "LODGING 8")
async def test_a_device_names_an_intent_and_its_holder_agrees() -> None:
    bank = a_bank()
    device, alice = Television(http=bank.browser(), clock=bank.clock), Holder(bank)
    scope = f"openid accounts AIS:{await lodged(device)}"
    codes, later = await device.started(scope=scope), await device.started(scope=scope)
    page = await alice.at_consent(await alice.type_code(codes["user_code"]))
    assert "Access to balances" in seen(page)
    await alice.browser.submit(page, decision="approve")
    tokens = (await device.poll(codes)).json()
    assert tokens["scope"] == scope
    (detail,) = tokens["authorization_details"]
    assert scope.endswith(f"AIS:{detail['consent_id']}")
    page = await alice.at_consent(await alice.type_code(later["user_code"]))
    assert page.status_code == 400
    assert await device.told(later) == "authorization_pending"
    refused = await device.start(scope=scope)
    assert refused.json()["error_description"].startswith("this intent was agreed to before")


@pytest.mark.spec("LODGING 4")
async def test_a_refusal_at_a_device_is_final() -> None:
    bank = a_bank()
    device, alice = Television(http=bank.browser(), clock=bank.clock), Holder(bank)
    scope = f"openid accounts AIS:{await lodged(device)}"
    codes = await device.started(scope=scope)
    await alice.decide(codes["user_code"], "deny")
    assert await device.told(codes) == "access_denied"
    refused = await device.start(scope=scope)
    assert refused.json()["error_description"].startswith("the user has refused this intent")


@pytest.mark.spec("LODGING 4")
async def test_ciba_names_an_intent_once_and_only_its_own() -> None:
    bank = a_bank(auto_approve="alice")
    requests = asking(bank)
    intent_id = await lodged(requests.client)
    scope = f"openid accounts AIS:{intent_id}"
    foreign = await asking(bank, "other").send(scope=scope)
    assert foreign.json()["error_description"].startswith("no such intent was lodged here, or another client")
    tokens = (await requests.poll(await requests.started(scope=scope))).json()
    assert tokens["authorization_details"][0]["consent_id"] == intent_id
    answer = await requests.send(scope=scope)
    assert answer.json()["error_description"].startswith("this intent was agreed to before")
    answer = await requests.send(scope=f"openid accounts AIS:{'x' * 22}")
    assert answer.json()["error_description"].startswith("no such intent was lodged here")


async def test_the_authentication_device_shows_what_can_still_be_granted() -> None:
    bank = a_bank()
    requests, user = asking(bank), bank.client()
    intent_id = await lodged(requests.client)
    for _ in range(2):
        await requests.started(scope=f"openid accounts AIS:{intent_id}")
    page = await user.http.get("/authentication_device")
    page = await user.submit(page, username="alice", password="wonderland")
    assert page.text.count("Access to balances") == 2
    await user.submit(page, decision="approve")
    page = await user.http.get("/authentication_device")
    assert "Access to balances" not in page.text
