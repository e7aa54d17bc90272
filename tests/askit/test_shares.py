"""One client's share of the store, and one user's, and one address's: none takes the room of the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from askit.errors import ShareTaken
from askit.shares import Owner, Shares, _Holding, shares_of, user_owner
from fapikit.stores import MemoryStore, Seal, SealedStore, SqliteStore
from tests.askit.bank import FINTECH, Bank, an_api
from tests.askit.plain_client import PlainClient, read_callback
from tests.askit.registering import OPEN, register
from tests.clocks import FrozenClock
from tests.keys import a_key

ME, OTHER = Owner("client", "me"), Owner("client", "other")


# --- the counting ---


def _shares(**changes: int) -> tuple[Shares, FrozenClock]:
    clock = FrozenClock()
    return Shares(**{"entries": 4, "octets": 100, **changes}, clock=clock), clock


def _has_room(shares: Shares, *owners: Owner) -> bool:
    try:
        shares.require(owners)
    except ShareTaken:
        return False
    return True


def test_a_share_ends_at_its_entries_and_at_its_octets() -> None:
    for octets, room in ((10, 4), (34, 3), (100, 1), (250, 1)):
        shares, _ = _shares()
        held = 0
        while _has_room(shares, ME):
            shares.charge((ME,), octets, 60)
            held += 1
        assert held == room
        assert _has_room(shares, OTHER)


def test_what_has_ended_makes_room_and_not_before() -> None:
    shares, clock = _shares()
    for ttl in (60, 60, 600, 600):
        shares.charge((ME,), 10, ttl)
    clock.advance(59.9)
    assert not _has_room(shares, ME)
    clock.advance(60 / 16 + 0.1)
    assert _has_room(shares, ME)
    shares.charge((ME,), 10, 60)
    shares.charge((ME,), 10, 60)
    assert not _has_room(shares, ME)


def test_a_part_of_a_share_is_smaller() -> None:
    shares, _ = _shares()
    half = user_owner("alice")
    for _ in range(2):
        assert _has_room(shares, ME, half)
        shares.charge((ME, half), 10, 60)
    assert not _has_room(shares, ME, half)
    assert _has_room(shares, ME)


@given(st.lists(st.tuples(st.floats(1, 1e7), st.floats(0, 1e6)), max_size=60))
def test_no_record_is_forgotten_before_it_ends(records: list[tuple[float, float]]) -> None:
    """And none counts longer than a sixteenth of its life beyond that."""
    shares, clock = _shares(entries=1000, octets=10**9)
    ends: list[tuple[float, float]] = []
    for ttl, wait in records:
        shares.charge((ME,), 1, ttl)
        ends.append((clock() + ttl, clock() + ttl * 17 / 16 + 1e-3))
        clock.advance(wait)
        assert _has_room(shares, ME)
        held = shares._holdings["client", "me"].entries
        assert sum(end > clock() for end, _ in ends) <= held <= sum(late > clock() for _, late in ends)


def test_who_holds_nothing_any_more_is_forgotten() -> None:
    shares, clock = _shares()
    for number in range(3000):
        shares.charge((Owner("client", f"c{number}"),), 10, 60)
        clock.advance(1)
    assert len(shares._holdings) <= 1024


def test_a_record_of_a_new_owner_looks_at_a_few_others(monkeypatch: pytest.MonkeyPatch) -> None:
    shares, clock = _shares()
    looked_at: list[object] = []
    let_go = _Holding.let_go

    def counted(held: _Holding, now: float) -> None:
        looked_at.append(held)
        let_go(held, now)

    monkeypatch.setattr(_Holding, "let_go", counted)
    for number in range(20_000):
        clock.advance(1000 if number == 10_000 else 0)  # all have ended at once
        looked_at.clear()
        shares.charge((Owner("client", f"c{number}"),), 10, 60)
        assert len(looked_at) <= 2
    assert len(shares._holdings) <= 10_001


def test_its_default_is_a_quarter_of_a_store_in_memory() -> None:
    clock = FrozenClock()
    memory = MemoryStore(max_entries=400, max_octets=4000)
    elsewhere = SqliteStore("unopened.db")
    for store, settings, wanted in (
        (memory, (None, None), (100, 1000)),
        (SealedStore(memory, Seal([b"k" * 32])), (None, None), (100, 1000)),
        (elsewhere, (None, None), (1_000_000, 2**30)),
        (memory, (7, None), (7, 1000)),
        (elsewhere, (None, 7), (1_000_000, 7)),
    ):
        shares = shares_of(store, *settings, clock)
        assert (shares._entries, shares._octets) == wanted


# --- what is counted ---


async def _whole_flow(client: PlainClient) -> None:
    tokens = await client.tokens(scope="openid accounts")
    await client.refresh(tokens["refresh_token"])
    await client.userinfo(tokens["access_token"])
    await client.post("/revoke", {"token": tokens["access_token"], **client.authentication()})
    await client.token({"grant_type": "client_credentials", "scope": "accounts"})
    page = await client.authorize(await client.pushed())
    await client.submit(page, decision="deny")


@pytest.mark.anyio
@pytest.mark.parametrize("profile", ["fapi2-security", "oauth-2.1"])
async def test_every_record_of_a_flow_is_counted_against_its_client(profile: str) -> None:
    """Those of the user alone (a session) and of this server (keys) are not the client's."""
    logout = {"backchannel_logout_uri": "https://fintech.example.test/logout"}
    apis = [an_api("accounts-api", 3), an_api("payments-api", 4)]
    bank = Bank(profile=profile, clients=[{**FINTECH, **logout}, *apis], refresh_rotation=True)
    await bank.server.start()
    await _whole_flow(bank.client())
    kinds = [key.split(":")[2] if key.startswith("as:") else "dpop" for key in _keys(bank)]
    not_its_own = ("keys", "secret", "session", "login-known", "login-failures", "agreed", "grants-of")
    its_own = [kind for kind in kinds if kind not in not_its_own]
    held = bank.server.core.shares._holdings["client", "fintech"]
    removed = 1  # the access token that was revoked counts until its time is over
    assert held.entries == len(its_own) + removed, sorted(its_own)
    assert bank.server.core.shares._holdings["user", "alice"].entries > 5


def _keys(bank: Bank) -> list[str]:
    return [key for key in bank.store._entries if bank.store.get(key) is not None]


# --- the floods of one client ---

SMALL = {"entries_per_client": 60}


async def _pushes(client: PlainClient) -> httpx.Response:
    return await client.push()


async def _pushes_much(client: PlainClient) -> httpx.Response:
    detail = {"type": "open", "memo": "x" * 30_000}
    return await client.push(client.request(authorization_details=[detail]))


async def _is_given_tokens(client: PlainClient) -> httpx.Response:
    return await client.token({"grant_type": "client_credentials", "scope": "accounts"})


async def _sends_assertions_of_a_day(client: PlainClient) -> httpx.Response:
    assertion = client.assertion(exp=int(client.clock()) + 86_000)
    return await client.post("/revoke", {"token": "x", **client.authentication(assertion)})


async def _asks_about_tokens(client: PlainClient) -> httpx.Response:
    return await client.introspect("x")


FLOODS = [_pushes, _pushes_much, _is_given_tokens, _sends_assertions_of_a_day, _asks_about_tokens]


@pytest.mark.anyio
@pytest.mark.spec("RFC 9126 2.3")
@pytest.mark.parametrize("flood", FLOODS)
async def test_one_client_takes_its_share_and_no_more(
    flood: Callable[[PlainClient], Awaitable[httpx.Response]],
) -> None:
    bank = Bank(
        limits={**SMALL, "octets_per_client": 500_000},
        authorization_details_types=[{"type": "open", "resource": "https://api.example.test/"}],
        resources=[
            {"uri": "https://api.example.test/", "scopes": ["accounts"], "introspection_clients": ["fintech"]}
        ],
    )
    client, other = bank.client(), bank.client("other")
    refused = None
    for _ in range(100):
        answer = await flood(client)
        if answer.status_code == 429:
            refused = answer
            break
    assert refused is not None
    assert refused.json()["error"] == "temporarily_unavailable"
    assert int(refused.headers["retry-after"]) > 0
    kept = len(bank.store)
    assert (await flood(client)).status_code == 429
    assert len(bank.store) == kept
    assert (await other.tokens(scope="accounts"))["access_token"]
    bank.clock.advance(90_000)
    assert (await flood(client)).status_code < 300


@pytest.mark.anyio
async def test_a_code_is_not_lost_to_a_share_that_ends_meanwhile() -> None:
    """Room is asked for once; what follows is kept, so that a code that is used up brings its tokens."""
    answers = set()
    for room in range(1, 14):
        bank = Bank(limits={"entries_per_client": room})
        client = bank.client()
        pushed = await client.push()
        if pushed.status_code != 201:
            continue
        decided = await client.decide(pushed.json()["request_uri"])
        code = read_callback(decided).get("code") if decided.status_code == 303 else None
        if code is not None:
            status = (await client.redeem(code)).status_code
            used = any(":code-used:" in key for key in bank.store._entries)
            assert (status, used) in ((200, True), (429, False))
            answers.add(status)
    assert answers == {200, 429}


@pytest.mark.anyio
async def test_a_user_takes_half_of_a_clients_share() -> None:
    """Whoever approves without end keeps no other user of that client out."""
    bank = Bank(limits={"entries_per_client": 120})
    client = bank.client()
    decided = await client.decide(await client.pushed())
    while decided.status_code == 303:
        decided = await client.decide(await client.pushed())
    assert decided.status_code == 429
    held = bank.server.core.shares._holdings["user", "alice"]
    assert 60 <= held.entries < 66
    other = bank.client()
    code = read_callback(await other.decide(await other.pushed(), username="bob", password="builder"))["code"]
    assert (await other.redeem(code)).status_code == 200


@pytest.mark.anyio
async def test_nor_does_one_who_refuses_without_end() -> None:
    """What nobody pushed takes no room until a user decides, and that is the user's."""
    public = {**FINTECH, "token_endpoint_auth_method": "none"}
    apis = [an_api("accounts-api", 3), an_api("payments-api", 4)]
    bank = Bank(profile="oauth-2.1", clients=[public, *apis], limits={"entries_per_client": 40})
    client = bank.client()
    query = {**client.request(), "client_id": "fintech"}
    page = await client.submit(
        await client.http.get("/authorize", params=query), username="alice", password="wonderland"
    )
    answers = [(await client.submit(page, decision="deny")).status_code]
    for _ in range(20):
        page = await client.http.get("/authorize", params=query)
        answers.append((await client.submit(page, decision="deny")).status_code)
    assert answers == [303] * 19 + [429] * 2
    assert bank.server.core.shares._holdings["client", "fintech"].entries == 19


@pytest.mark.anyio
async def test_signing_in_over_and_over_ends_at_the_share_of_the_user() -> None:
    bank = Bank(limits={"entries_per_client": 20})
    answers = []
    for _ in range(12):
        client = bank.client()
        page = await client.http.get("/grants")
        answers.append((await client.submit(page, username="alice", password="wonderland")).status_code)
    assert answers == [200] * 10 + [429] * 2
    page = await client.http.get("/grants")
    assert (await client.submit(page, username="bob", password="builder")).status_code == 200


# --- clients that registered themselves ---


async def _registered(bank: Bank, address: str, number: int) -> PlainClient:
    key = a_key("ES256", number)
    answer = await register(bank, address=address, jwks={"keys": [dict(key.public_jwk)]})
    assert answer.status_code == 201, answer.text
    return bank.client(answer.json()["client_id"], key=key)


async def _flood(client: PlainClient) -> int:
    """How many requests are taken."""
    for number in range(200):
        if (await client.push()).status_code == 429:
            return number
    return 200


@pytest.mark.anyio
async def test_those_that_registered_from_one_address_share_a_half() -> None:
    bank = Bank(**OPEN, limits={"entries_per_client": 160})
    here = [await _registered(bank, "192.0.2.1", number) for number in (21, 22, 23)]
    there = await _registered(bank, "198.51.100.7", 24)
    assert [await _flood(client) for client in here] == [20, 20, 0]
    assert (await there.push()).status_code == 201
    assert await _flood(bank.client()) == 80


@pytest.mark.anyio
async def test_all_that_registered_themselves_have_one_share_together() -> None:
    bank = Bank(**OPEN, limits={"entries_per_client": 160})
    clients = [await _registered(bank, f"192.0.2.{number}", number) for number in range(21, 27)]
    assert [await _flood(client) for client in clients] == [20, 20, 20, 20, 0, 0]
    assert (await bank.client().push()).status_code == 201


@pytest.mark.anyio
async def test_where_it_came_from_is_nobodys_to_say_and_nobodys_to_read() -> None:
    bank = Bank(**OPEN)
    answer = (await register(bank, address="192.0.2.1", registered_from="elsewhere")).json()
    assert "registered_from" not in answer
    kept = bank.store.get(bank.server.core.records.key("client", answer["client_id"]))
    assert b"192.0.2.1" not in kept
    assert b"elsewhere" not in kept
    client = await bank.server.core.clients.find(answer["client_id"])
    owners: Any = client.owners
    assert [owner.kind for owner in owners] == ["client", "address", "registered clients"]
