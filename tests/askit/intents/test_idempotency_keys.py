"""An intent that is lodged again with its idempotency key is the same intent, over sockets, and in every shape."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer
from askit.config import error_styles
from askit.intents.idempotency import LIFETIME
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import running
from tests.askit.intents.lodging import BODIES, IDS, PATHS, SETTINGS, STATUSES, Lodger, Running, at, changed

pytestmark = pytest.mark.anyio

UK, PAYMENT, AIS = "uk-account-access", "uk-domestic-payment", "berlin-group-consent"
KEY = {"x-idempotency-key": "FRESCO.21302.GFX.20"}


def id_of(answer: httpx.Response, shape: str) -> str:
    assert answer.status_code == 201, answer.text
    return str(at(answer.json(), IDS[shape]))


@pytest.mark.spec("Idempotency-Key 2.6", "LODGING 1")
@pytest.mark.parametrize("shape", BODIES)
async def test_the_same_key_with_the_same_body_is_the_same_intent(fintech: Lodger, shape: str) -> None:
    first = await fintech.lodge(shape, headers=KEY)
    again = await fintech.lodge(shape, dict(reversed(BODIES[shape].items())), headers=KEY)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["location"] == first.headers["location"]
    other = await fintech.lodge(shape, headers={"x-idempotency-key": "another"})
    assert id_of(other, shape) != id_of(first, shape)
    assert id_of(await fintech.lodge(shape), shape) not in (id_of(other, shape), id_of(first, shape))


@pytest.mark.spec("Idempotency-Key 2.2", "Idempotency-Key 2.4", "Idempotency-Key 2.7")
async def test_the_same_key_with_another_body_is_refused(fintech: Lodger) -> None:
    first = await fintech.lodge(PAYMENT, headers=KEY)
    more = changed(BODIES[PAYMENT], "Data.Initiation.InstructedAmount.Amount", "999.00")
    refused = await fintech.lodge(PAYMENT, more, headers=KEY)
    assert (refused.status_code, refused.json()["error"]) == (422, "idempotency_key_reused")
    assert "x-idempotency-key" in refused.json()["error_description"]
    assert id_of(await fintech.lodge(PAYMENT, headers=KEY), PAYMENT) == id_of(first, PAYMENT)


@pytest.mark.spec("Idempotency-Key 2.6")
async def test_a_retry_is_told_what_became_of_the_intent(fintech: Lodger) -> None:
    intent_id = id_of(await fintech.lodge(AIS, headers=KEY), AIS)
    await fintech.decide(AIS, intent_id, "deny")
    again = await fintech.lodge(AIS, headers=KEY)
    assert (id_of(again, AIS), at(again.json(), STATUSES[AIS])) == (intent_id, "rejected")
    uk = id_of(await fintech.lodge(UK, headers=KEY), UK)
    assert (await fintech.delete(UK, uk)).status_code == 204
    assert (await fintech.lodge(UK, headers=KEY)).status_code == 400, "as GET: the intent is gone"


async def test_a_key_is_one_client_s_at_one_resource_for_a_day(
    fintech: Lodger, other: Lodger, clock: MovableClock
) -> None:
    first = id_of(await fintech.lodge(AIS, headers=KEY), AIS)
    assert id_of(await other.lodge(AIS, headers=KEY), AIS) != first
    await fintech.lodge("berlin-group-payment", headers=KEY)
    clock.advance(LIFETIME - 60)
    again = await fintech.lodge(AIS, headers=KEY)
    assert (id_of(again, AIS), at(again.json(), STATUSES[AIS])) == (first, "expired")
    clock.advance(120)
    assert id_of(await fintech.lodge(AIS, headers=KEY), AIS) != first


async def test_a_body_that_was_refused_has_used_no_key(fintech: Lodger) -> None:
    broken = changed(BODIES[AIS], "access", {})
    assert (await fintech.lodge(AIS, broken, headers=KEY)).status_code == 400
    assert (await fintech.lodge(AIS, headers=KEY)).status_code == 201


@pytest.mark.spec("Idempotency-Key 2.1", "Idempotency-Key 2.7")
@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "a,b", '"a'], ids=lambda key: key[:4])
async def test_a_key_that_is_none_is_refused(fintech: Lodger, key: str) -> None:
    refused = await fintech.lodge(AIS, headers={"x-idempotency-key": key})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert "x-idempotency-key" in refused.json()["error_description"]


@pytest.mark.spec("Idempotency-Key 2.6")
async def test_of_many_at_the_same_moment_one_is_the_intent(fintech: Lodger, bank: Running) -> None:
    token = await fintech.own_token(AIS)
    await fintech.call("GET", f"{PATHS[AIS]}/none", token)  # which brings a nonce
    answers = await asyncio.gather(
        *(fintech.call("POST", PATHS[AIS], token, BODIES[AIS], headers=KEY) for _ in range(8))
    )
    assert len({id_of(answer, AIS) for answer in answers}) == 1


async def test_who_comes_second_leaves_no_intent_behind(
    fintech: Lodger, bank: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process lodges with the same key just before this one does."""
    first = id_of(await fintech.lodge(AIS, headers={"x-idempotency-key": "first"}), AIS)
    records, store = bank.app.core.records, bank.app.core.records.store
    kept = store.get(records.key("intent-key", chr(0).join(("fintech", "berlin_group_consent", "first"))))
    taken = records.key("intent-key", chr(0).join(("fintech", "berlin_group_consent", "second")))
    put, add, written = store.aput, store.aadd, list[str]()

    async def noting(key: str, *how: Any) -> None:
        written.append(key)
        await put(key, *how)

    async def late(key: str, *how: Any) -> bool:
        if key == taken:
            assert kept is not None
            store.put(taken, kept, LIFETIME)
        return await add(key, *how)

    monkeypatch.setattr(store, "aput", noting)
    monkeypatch.setattr(store, "aadd", late)
    assert id_of(await fintech.lodge(AIS, headers={"x-idempotency-key": "second"}), AIS) == first
    (orphan,) = [key for key in written if ":intent:" in key]
    assert store.get(orphan) is None


async def test_keys_use_the_share_of_their_client(clock: MovableClock) -> None:
    settings = {**SETTINGS, "limits": {"entries_per_client": 12}}
    with running(settings, clock=clock, kind=AuthorizationServer) as bank:
        fintech = Lodger(bank, clock)
        token = await fintech.own_token(AIS)
        statuses = [
            (
                await fintech.call(
                    "POST", PATHS[AIS], token, BODIES[AIS], headers={"x-idempotency-key": f"k{number}"}
                )
            ).status_code
            for number in range(8)
        ]
        assert statuses[0] == 201
        assert statuses[-1] == 429
        await fintech.plain.http.aclose()


async def test_a_resource_can_refuse_in_the_style_of_its_ecosystem(
    clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def uk(status: int, code: str, description: str) -> dict[str, Any]:
        return {"Code": f"{status}", "Message": description, "Errors": [{"ErrorCode": code}]}

    monkeypatch.setitem(error_styles.ERROR_STYLES, "uk", uk)
    types = [
        {**each, "lodged": {**each["lodged"], "errors": "uk"}} if "lodged" in each else each
        for each in SETTINGS["authorization_details_types"]
    ]
    with running(
        {**SETTINGS, "authorization_details_types": types}, clock=clock, kind=AuthorizationServer
    ) as bank:
        fintech = Lodger(bank, clock)
        refused = await fintech.lodge(UK, changed(BODIES[UK], "Data.Permissions", []))
        assert refused.status_code == 400
        assert refused.json()["Code"] == "400"
        assert "Data.Permissions" in refused.json()["Message"]
        await fintech.plain.http.aclose()
