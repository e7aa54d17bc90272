"""The status lists of askit: an entry for each JWT, flipped by whatever ends the token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from askit import AuthorizationServer, Config
from askit.issuing import status_lists
from fapikit import SqliteStore
from fapikit.errors import ConfigurationError, StoreForgot
from fapikit.status_list import INVALID, VALID, StatusList
from tests.askit.bank import Bank, settings
from tests.askit.plain_client import ISSUER, PlainClient
from tests.keys import claims_of, header_of

pytestmark = pytest.mark.anyio

ANEW = 3.1
"""Seconds after which a list is made anew: a tenth of its ttl."""


@pytest.fixture
def bank() -> Bank:
    return Bank(status_list_ttl=30)


def entry_of(token: str) -> tuple[int, str]:
    entry = claims_of(token)["status"]["status_list"]
    return entry["idx"], entry["uri"]


async def claims_at(client: PlainClient, uri: str) -> dict[str, Any]:
    answer = await client.http.get(uri)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/statuslist+jwt")
    keys = KeySet.import_key_set((await client.http.get("/jwks")).json())
    assert header_of(answer.text)["typ"] == "statuslist+jwt"
    claims = jwt.decode(answer.text, keys, algorithms=["ES256"]).claims
    assert isinstance(claims, dict)
    return claims


async def status_of(client: PlainClient, token: str) -> int:
    idx, uri = entry_of(token)
    return StatusList.read((await claims_at(client, uri))["status_list"]).status(idx)


@pytest.mark.spec("TSL 5.1", "TSL 6.2", "TSL 8.1", "TSL 8.2")
async def test_a_new_token_is_valid_in_its_list(bank: Bank, client: PlainClient) -> None:
    token = (await client.tokens())["access_token"]
    idx, uri = entry_of(token)
    assert 0 <= idx < status_lists.ENTRIES
    claims = await claims_at(client, uri)
    assert claims["sub"] == uri
    assert (claims["iat"], claims["ttl"]) == (int(bank.clock()), 30)
    assert claims["exp"] >= claims_of(token)["exp"] + 60
    assert claims["status_list"]["aggregation_uri"] == f"{ISSUER}/status_lists"
    assert await status_of(client, token) == VALID


@pytest.mark.spec("TSL 9.1", "TSL 9.3")
async def test_all_lists_are_found_by_the_metadata(bank: Bank, client: PlainClient) -> None:
    tokens = [(await client.tokens())["access_token"]]
    bank.clock.advance(200)
    tokens.append((await client.tokens())["access_token"])
    metadata = (await client.http.get("/.well-known/oauth-authorization-server")).json()
    answer = await client.http.get(metadata["status_list_aggregation_endpoint"])
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()["status_lists"]) == {entry_of(token)[1] for token in tokens}


async def revoke(bank: Bank, client: PlainClient, tokens: dict[str, Any]) -> None:
    await client.post("/revoke", {"token": tokens["access_token"], **client.authentication()})


async def revoke_refresh_token(bank: Bank, client: PlainClient, tokens: dict[str, Any]) -> None:
    await client.post("/revoke", {"token": tokens["refresh_token"], **client.authentication()})


async def reuse_the_code(bank: Bank, client: PlainClient, tokens: dict[str, Any]) -> None:
    assert (await client.redeem(tokens["code"])).status_code == 400


async def remove_the_grant(bank: Bank, client: PlainClient, tokens: dict[str, Any]) -> None:
    (grant,) = [key for key in bank.store._entries if ":grant:" in key]
    await bank.store.atake(grant)


async def remove_the_client(bank: Bank, client: PlainClient, tokens: dict[str, Any]) -> None:
    bank.server.core.clients._configured.pop("fintech")


async def narrow_the_client(bank: Bank, client: PlainClient, tokens: dict[str, Any]) -> None:
    clients = bank.server.core.clients._configured
    narrower = {**clients["fintech"].metadata, "scope": "payments"}
    clients["fintech"] = replace(clients["fintech"], self_registered=True, metadata=narrower)


async def remove_the_user(bank: Bank, client: PlainClient, tokens: dict[str, Any]) -> None:
    bank.server.core.users._by_name.pop("alice")


ENDS: dict[str, Callable[[Bank, PlainClient, dict[str, Any]], Awaitable[None]]] = {
    "the token is revoked": revoke,
    "its refresh token is revoked": revoke_refresh_token,
    "the code is used again": reuse_the_code,
    "the grant is gone": remove_the_grant,
    "the client is gone": remove_the_client,
    "the client may not reach the API any more": narrow_the_client,
    "the user is gone": remove_the_user,
}


@pytest.mark.spec("TSL 7.1")
@pytest.mark.parametrize("end", ENDS)
async def test_whatever_ends_a_token_flips_its_entry(bank: Bank, client: PlainClient, end: str) -> None:
    code = await client.code()
    tokens = {**(await client.redeem(code)).json(), "code": code}
    assert await status_of(client, tokens["access_token"]) == VALID
    await ENDS[end](bank, client, tokens)
    assert await status_of(client, tokens["access_token"]) == VALID  # the list is not made anew at once
    bank.clock.advance(ANEW)
    assert await status_of(client, tokens["access_token"]) == INVALID


async def test_other_tokens_stay_valid(bank: Bank, client: PlainClient) -> None:
    revoked, other = await client.tokens(), await client.tokens()
    await revoke(bank, client, revoked)
    assert await status_of(client, revoked["access_token"]) == INVALID
    assert await status_of(client, other["access_token"]) == VALID


@pytest.mark.spec("TSL 13.2", "TSL 13.3")
async def test_each_token_has_an_entry_of_its_own(bank: Bank, client: PlainClient) -> None:
    tokens = await client.tokens()
    entries = {entry_of(tokens["access_token"])}
    for _ in range(20):
        tokens = {**tokens, **(await client.refresh(tokens["refresh_token"])).json()}
        entries.add(entry_of(tokens["access_token"]))
    assert len(entries) == 21


@pytest.mark.spec("TSL 13.3")
async def test_two_processes_never_take_the_same_entry(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """With eight entries in a list, full lists are left, and no entry is taken twice."""
    monkeypatch.setattr(status_lists, "ENTRIES", 8)
    second = type(bank.server)(bank.config, store=bank.store, clock=bank.clock)
    until = bank.clock() + 300
    taken = await asyncio.gather(
        *(
            status_lists.reserve_entry(server.core, until, ())
            for server in (bank.server, second)
            for _ in range(30)
        )
    )
    references = {entry.reference for entry in taken if entry is not None}
    assert len(references) == 60
    assert len({reference.uri for reference in references}) >= 8


async def test_what_one_process_ends_another_publishes(tmp_path: Path):
    """Two servers, each with its own connection to one file."""
    stores = [SqliteStore(tmp_path / "bank.db") for _ in range(2)]
    try:
        here, there = (Bank(status_list_ttl=30) for _ in stores)
        for bank, store in zip((here, there), stores, strict=True):
            bank.server = AuthorizationServer(bank.config, store=store, clock=bank.clock)
        client, reader = here.client(), there.client()
        tokens = await client.tokens()
        assert await status_of(reader, tokens["access_token"]) == VALID
        await revoke(here, client, tokens)
        there.clock.advance(ANEW)
        assert await status_of(reader, tokens["access_token"]) == INVALID
    finally:
        for store in stores:
            store.close()


async def test_a_list_ends_with_its_last_token(bank: Bank, client: PlainClient) -> None:
    token = (await client.tokens())["access_token"]
    _, uri = entry_of(token)
    ends = (await claims_at(client, uri))["exp"]
    assert ends <= bank.clock() + 2 * 300 + 60
    bank.clock.advance(ends - bank.clock())
    answer = await client.http.get(uri)
    assert (answer.status_code, answer.json()["error"]) == (404, "invalid_request")
    assert (await client.http.get("/status_lists")).json() == {"status_lists": []}


@pytest.mark.parametrize(
    "name", ["1", "x-0-y", "9999999999999-0-y", "-1-0-y", "{end}-0-other", "{end}-1-{nonce}"]
)
async def test_a_list_that_does_not_exist(client: PlainClient, name: str) -> None:
    _, uri = entry_of((await client.tokens())["access_token"])
    end, _, nonce = uri.rpartition("/")[2].split("-", 2)
    answer = await client.http.get(f"/status_lists/{name.format(end=end, nonce=nonce)}")
    assert answer.status_code == 404


async def test_a_lost_store_makes_no_ended_token_valid(bank: Bank, client: PlainClient) -> None:
    """After a loss the list has another name, so an index of before means nothing there."""
    before = (await client.tokens())["access_token"]
    bank.store._entries.clear()
    after = (await client.tokens())["access_token"]
    assert entry_of(before)[1] != entry_of(after)[1]
    assert (await client.http.get(entry_of(before)[1])).status_code == 404
    assert await status_of(client, after) == VALID


async def test_a_store_that_forgot_publishes_nothing(bank: Bank, client: PlainClient) -> None:
    token = (await client.tokens())["access_token"]
    bank.store.forgot_at = bank.clock() + 1  # type: ignore[attr-defined]
    with pytest.raises(StoreForgot):
        await status_lists.signed_list(bank.server.core, entry_of(token)[1].rpartition("/")[2])
    assert (await client.http.get(entry_of(token)[1])).status_code == 503


async def test_without_the_setting_there_are_no_lists() -> None:
    bank = Bank()
    client = bank.client()
    assert "status" not in claims_of((await client.tokens())["access_token"])
    assert "status_list_aggregation_endpoint" not in bank.server.metadata()
    assert (await client.http.get("/status_lists")).status_code == 404


@pytest.mark.parametrize("ttl", [0.5, 300, 400])
async def test_a_ttl_that_helps_nobody(ttl: float) -> None:
    with pytest.raises(ConfigurationError, match="status_list_ttl"):
        Config.from_mapping(settings(status_list_ttl=ttl))
