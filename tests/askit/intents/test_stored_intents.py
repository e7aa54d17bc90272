"""Intents in the store: two who change one at the same moment, a record that cannot be read, and a client's share."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from askit import AuthorizationServer, Config
from askit.core import Core
from askit.records import Intent
from fapikit import MemoryStore
from fapikit.errors import ConfigurationError
from tests.askit.bank import Bank, settings
from tests.askit.ciba.asking import APIS
from tests.askit.intents.lodging import BODIES, PATHS, a_type
from tests.askit.intents.test_decoupled_intents import AIS, SCREEN, a_bank, lodged
from tests.askit.plain_client import ACCOUNTS, PlainClient, read_callback

pytestmark = pytest.mark.anyio


class Meddling(MemoryStore):
    """A store in which somebody else changes an intent just before this server does."""

    meddle: bytes | None = None

    def swap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        if ":intent:" in key and self.meddle is not None:
            super().put(key, self.meddle, ttl)
        return super().swap(key, expected, new, ttl)


def meddled() -> tuple[Bank, Meddling]:
    bank = a_bank()
    store = Meddling(clock=bank.clock)
    bank.store, bank.server = store, AuthorizationServer(bank.config, store=store, clock=bank.clock)
    return bank, store


@pytest.mark.spec("LODGING 4")
@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("rejected", "the user has refused this intent: lodge a new one"),
        ("revoked", "this intent was ended by its client: lodge a new one"),
        ("awaiting", "this intent has changed while the user decided: lodge a new one"),
    ],
)
async def test_of_two_who_change_an_intent_at_one_moment_one_wins(state: str, told: str) -> None:
    bank, store = meddled()
    client = bank.client()
    intent_id = await lodged(client)
    record = await bank.server.core.records.load("intent", intent_id, Intent)
    assert record
    changed = {**record.members(), "state": state, "changed_at": record.changed_at + 1}
    request_uri = await client.pushed(scope=f"openid accounts AIS:{intent_id}")
    store.meddle = Intent(**changed).dump()
    callback = read_callback(await client.decide(request_uri))
    assert "code" not in callback
    assert callback["error_description"].startswith(told)
    store.meddle = None
    page = await client.http.get("/grants")
    assert 'name="grant_id"' not in page.text


async def test_an_end_that_is_overtaken_again_and_again_is_told_as_no_answer() -> None:
    bank, store = meddled()
    client = bank.client()
    intent_id = await lodged(client)
    record = await bank.server.core.records.load("intent", intent_id, Intent)
    assert record
    store.meddle = Intent(**{**record.members(), "changed_at": record.changed_at + 1}).dump()
    answer = await ended(client, intent_id)
    assert answer.status_code == 204  # the second try finds what the other has written
    answer = await ended(client, intent_id)
    assert answer.json()["error_description"].startswith("this intent was ended by its client before")


async def lodging(client: PlainClient, token: str) -> httpx.Response:
    url = f"{client.issuer}{PATHS[AIS]}"
    headers = {"authorization": f"DPoP {token}", "dpop": client.proof("POST", url, token=token)}
    return await client.http.post(PATHS[AIS], json=BODIES[AIS], headers=headers)


async def ended(client: PlainClient, intent_id: str) -> httpx.Response:
    token = (await client.token({"grant_type": "client_credentials", "scope": "accounts"})).json()
    path = f"{PATHS[AIS]}/{intent_id}"
    proof = client.proof("DELETE", f"{client.issuer}{path}", token=token["access_token"])
    headers = {"authorization": f"DPoP {token['access_token']}", "dpop": proof}
    return await client.http.delete(path, headers=headers)


async def test_who_may_no_longer_have_the_type_cannot_ask_for_what_was_lodged_before() -> None:
    bank = a_bank()
    client = bank.client()
    asked = client.request(scope=f"openid accounts AIS:{await lodged(client)}")
    narrow = a_bank(clients=[{**SCREEN, "authorization_details_types": ["payment_initiation"]}, *APIS])
    narrow.server = AuthorizationServer(narrow.config, store=bank.store, clock=bank.clock)
    client.http = narrow.browser()
    answer = await client.push(asked)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")
    assert answer.json()["error_description"].startswith("this client may not have what was lodged")


@pytest.mark.parametrize("octets", [b"", b"[1]", b'{"v":2}', b"\xff"])
async def test_a_record_that_cannot_be_read_decides_nothing(octets: bytes) -> None:
    bank = a_bank()
    client = bank.client()
    intent_id = await lodged(client)
    bank.store.put(bank.server.core.records.key("intent", intent_id), octets, 60)
    answer = await client.push(client.request(scope=f"openid AIS:{intent_id}"))
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


async def test_intents_count_against_the_share_of_their_client() -> None:
    bank = a_bank(limits={"entries_per_client": 20})
    client = bank.client()
    form = {"grant_type": "client_credentials", "scope": "accounts"}
    token = (await client.token(form)).json()["access_token"]
    answers = [await lodging(client, token) for _ in range(30)]
    assert {answer.status_code for answer in answers} == {201, 429}
    assert answers[-1].json()["error"] == "temporarily_unavailable"
    other = bank.client("other")
    token = (await other.token(form)).json()["access_token"]
    assert (await lodging(other, token)).status_code == 201


def test_a_bank_with_another_body_gives_its_own_schema() -> None:
    schema = {"properties": {"access": {"type": "object"}, "validUntil": {"maxLength": 10}}}
    own = a_type(AIS, ACCOUNTS, "accounts", lodged={"body_schema": schema})
    config = Config.from_mapping(settings(authorization_details_types=[own]))
    core = AuthorizationServer(config, store=MemoryStore()).core
    assert made(core, {"access": {"all": "of it"}, "further": 1})["further"] == 1
    for body, told in (
        ({"access": 1}, "access must be of the JSON type object"),
        ({"type": "other"}, "type has the name of a member of every authorization detail"),
        ({"consent_id": "mine"}, "consent_id is set by this server: leave it out"),
        ({"validUntil": 7}, "validUntil is no time that this server can read"),
        ({"validUntil": "someday"}, "validUntil is no time that this server can read"),
    ):
        with pytest.raises(Exception, match=told):
            made(core, body)
    wrong = a_type(AIS, ACCOUNTS, "accounts", lodged={"body_schema": {"type": "thing"}})
    with pytest.raises(
        ConfigurationError, match=r"lodged\.body_schema is not a JSON Schema that can be used"
    ):
        Config.from_mapping(settings(authorization_details_types=[wrong]))


def made(core: Core, body: dict[str, Any]) -> dict[str, Any]:
    from askit.intents.life import content_of, make_intent

    ((known, lodging),) = core.config.lodgings
    intent = make_intent(core, core.config.clients[0], known, lodging, body)
    return content_of(lodging.shape, intent)
