"""A decision outlives the process that stored it: another one tells the client, and there are never two token sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import httpx
import pytest

from askit import AuthorizationServer
from askit.decoupled import decisions, due_notices
from askit.decoupled.delivery import deliver_anew
from askit.decoupled.due_notices import CLAIMS, OVERDUE_AFTER, DueNotices
from askit.decoupled.waiting import uri_of
from askit.records import Grant
from askit.users.grants import grants_of
from fapikit.errors import UnfitStore
from tests.askit.bank import Bank
from tests.askit.ciba.asking import PING, PUSH, Asking
from tests.askit.ciba.notified import Notified
from tests.askit.ciba.test_grant import decide
from tests.askit.ciba.test_ping_and_push import a_notifying_bank, begun
from tests.askit.decoupled.machine import SlowStore

pytestmark = pytest.mark.anyio


@dataclass
class Case:
    bank: Bank
    endpoint: Notified
    fintech: Asking

    def process(self, store: Any = None) -> AuthorizationServer:
        """A further one, at the same store."""
        http = self.endpoint.http()
        bank = self.bank
        return AuthorizationServer(bank.config, store=store or bank.store, http=http, clock=bank.clock)

    @asynccontextmanager
    async def running(self, server: AuthorizationServer) -> AsyncIterator[AuthorizationServer]:
        await server.core.due_notices.start()
        try:
            yield server
        finally:
            await server.core.due_notices.stop()

    async def later(self, seconds: float = OVERDUE_AFTER + 1) -> list[dict[str, Any]]:
        """What the client hears from a process that starts so many seconds later."""
        self.bank.clock.advance(seconds)
        del self.endpoint.heard[:]
        async with self.running(self.process()):
            await self.endpoint.settled()
        return list(self.endpoint.heard)


def a_case(client: dict[str, Any]) -> Case:
    return Case(*a_notifying_bank(client))


@pytest.fixture
def dies_before_telling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends when the decision is stored."""

    async def nothing(*_: object) -> None: ...

    monkeypatch.setattr(decisions, "deliver_grant", nothing)
    monkeypatch.setattr(decisions, "deliver_refusal", nothing)


@pytest.mark.usefixtures("dies_before_telling")
@pytest.mark.spec("CIBA 10.2c", "CIBA 10.3.1a", "CIBA 12")
@pytest.mark.parametrize(
    ("client", "approve", "told"),
    [
        (PING, True, set()),
        (PING, False, set()),
        (PUSH, True, {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}),
        (PUSH, False, {"error", "error_description"}),
    ],
    ids=["ping approved", "ping refused", "push approved", "push refused"],
)
async def test_another_process_tells_the_client(
    client: dict[str, Any], approve: bool, told: set[str]
) -> None:
    case = a_case(client)
    auth_req_id = await begun(case.fintech, proof=True)
    await decide(case.bank, auth_req_id, approve=approve)
    assert await case.later(OVERDUE_AFTER - 1) == [], "its own process may still be at it"
    (body,) = await case.later(2)
    assert (body["auth_req_id"], set(body) - {"auth_req_id"}) == (auth_req_id, told)
    assert body.get("error") == (None if approve or client is PING else "access_denied")
    assert await case.later() == [], "it has heard"


@pytest.mark.usefixtures("dies_before_telling")
async def test_a_process_that_starts_before_the_store_can_be_relied_on_tells_it_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = a_case(PUSH)
    await decide(case.bank, await begun(case.fintech, proof=True))
    case.bank.clock.advance(OVERDUE_AFTER + 1)

    async def unfit(_: object) -> NoReturn:
        raise UnfitStore("this server evicts")

    server = case.process()
    monkeypatch.setattr(type(case.bank.store), "acheck", unfit)
    with pytest.raises(UnfitStore):
        await server.start()
    await case.endpoint.settled()
    await server.core.due_notices.stop()
    assert ["access_token" in body for body in case.endpoint.heard] == [True]


@pytest.mark.usefixtures("dies_before_telling")
async def test_of_two_processes_one_tells_the_client() -> None:
    case = a_case(PUSH)
    await decide(case.bank, await begun(case.fintech, proof=True))
    case.bank.clock.advance(OVERDUE_AFTER + 1)
    store = SlowStore(case.bank.store)
    store.turns = (1, 2, 0)
    one, two = case.process(store), case.process(store)
    await asyncio.gather(one.core.due_notices.start(), two.core.due_notices.start())
    for _ in range(4):
        await case.endpoint.settled()
    await one.core.due_notices.stop()
    await two.core.due_notices.stop()
    assert ["access_token" in body for body in case.endpoint.heard] == [True]


@pytest.mark.parametrize("status", [204, 401])
async def test_once_the_endpoint_has_answered_nothing_is_due(status: int) -> None:
    case = a_case(PUSH)
    case.endpoint.answer = lambda _: httpx.Response(status)
    auth_req_id = await begun(case.fintech, proof=True)
    await decide(case.bank, auth_req_id)
    await case.endpoint.settled()
    assert len(case.endpoint.heard) == 1
    assert not [key for key in case.bank.store._entries if ":notice:" in key], "its secrets are gone"
    # The entry of a second click, which came too late.
    await case.bank.server.core.due_notices.add("fintech", uri_of(auth_req_id), case.bank.clock() + 600)
    assert await case.later() == []
    assert len((await grants_of(case.bank.server.core, "alice"))[0]) == 1


def _away(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody is there")


@pytest.mark.spec("CIBA 12")
async def test_tokens_that_may_not_have_arrived_end_and_the_client_is_told() -> None:
    case = a_case(PUSH)
    case.endpoint.answer = _away
    await decide(case.bank, await begun(case.fintech, proof=True))
    await case.endpoint.settled()
    (lost,) = case.endpoint.heard
    case.endpoint.answer = lambda _: httpx.Response(204)
    (body,) = await case.later()
    assert body["error"] == "transaction_failed"
    assert (await grants_of(case.bank.server.core, "alice"))[0] == []
    assert (await case.fintech.client.refresh(lost["refresh_token"])).json()["error"] == "invalid_grant"


async def test_an_endpoint_that_stays_away_is_not_called_for_ever() -> None:
    case = a_case(PING)
    case.endpoint.answer = _away
    await decide(case.bank, await begun(case.fintech, proof=True))
    await case.endpoint.settled()
    calls = [len(await case.later(OVERDUE_AFTER)) for _ in range(20)]
    assert 1 < sum(calls) <= CLAIMS


async def test_however_long_a_request_is_remembered_its_tries_are_counted() -> None:
    case, told = a_case(PUSH), list[str]()
    await case.bank.server.core.due_notices.add("fintech", "away", case.bank.clock() + 1e6)
    for _ in range(2 * CLAIMS):
        case.bank.clock.advance(OVERDUE_AFTER * 2 ** (CLAIMS + 1))
        told += await claimed(case)
    assert told == ["away"] * CLAIMS


async def claimed(case: Case) -> list[str]:
    """What a process that starts now would tell, and cannot."""
    core, told = case.bank.server.core, list[str]()

    async def deliver(uri: str) -> bool:
        told.append(uri)
        return False

    due = DueNotices(core.records, core.clock, core.log, record_octets=65536)
    due.attach(deliver)
    await due.start()
    await case.endpoint.settled()
    await due.stop()
    return told


@pytest.mark.usefixtures("dies_before_telling")
async def test_a_ping_client_that_has_fetched_its_tokens_is_not_called() -> None:
    case = a_case(PING)
    auth_req_id = await begun(case.fintech, proof=True)
    await decide(case.bank, auth_req_id)
    assert (await case.fintech.poll(auth_req_id)).status_code == 200
    assert await case.later() == []


@pytest.mark.usefixtures("dies_before_telling")
async def test_a_grant_that_was_changed_since_is_left_as_it_is() -> None:
    case = a_case(PUSH)
    await decide(case.bank, await begun(case.fintech, proof=True))
    records = case.bank.server.core.records
    (grant,) = (await grants_of(case.bank.server.core, "alice"))[0]
    later = replace(grant, version=grant.version + 1)
    await records.save("grant", grant.grant_id, later, 1000)
    (body,) = await case.later()
    assert body["error"] == "transaction_failed"
    assert await records.load("grant", grant.grant_id, Grant) == later


@pytest.mark.usefixtures("dies_before_telling")
async def test_a_grant_that_was_not_stored_is_a_failed_transaction() -> None:
    """And the slow process that stores it after all issues nothing."""
    case = a_case(PUSH)
    auth_req_id = await begun(case.fintech, proof=True)
    await decide(case.bank, auth_req_id)
    core = case.bank.server.core
    uri = uri_of(auth_req_id)
    (grant,) = (await grants_of(core, "alice"))[0]
    await core.records.remove("request-granted", uri)
    await core.records.remove("grant", grant.grant_id)
    (body,) = await case.later()
    assert body["error"] == "transaction_failed"
    assert await core.records.marked("request-redeemed", uri) is not None


async def test_what_is_not_decided_is_not_told() -> None:
    case = a_case(PUSH)
    uri = uri_of(await begun(case.fintech, proof=True))
    assert not await deliver_anew(case.bank.server.core, uri)
    await case.bank.server.core.due_notices.add("fintech", uri, case.bank.clock() + 600)
    assert await case.later() == []


async def test_a_full_list_lets_go_of_what_was_tried_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_notices, "_LONGEST", 2)
    case = a_case(PUSH)
    due, until = case.bank.server.core.due_notices, case.bank.clock() + 10_000
    await due.add("fintech", "tried", until)
    case.bank.clock.advance(OVERDUE_AFTER)
    assert await claimed(case) == ["tried"]
    for uri in ("first", "second"):
        await due.add("fintech", uri, until)
    case.bank.clock.advance(3 * OVERDUE_AFTER)
    assert sorted(await claimed(case)) == ["first", "second"]


@pytest.mark.spec("CIBA 10.3.1a", "CIBA 12")
@pytest.mark.parametrize("approve", [True, False])
async def test_wherever_a_process_dies_the_client_hears_and_gets_one_token_set_at_most(approve: bool) -> None:
    """It dies after each number of turns of the event loop, until it has done everything."""
    outcomes = set()
    for turns in range(0, 400, 3):
        case = a_case(PUSH)
        auth_req_id = await begun(case.fintech, proof=True)
        store = SlowStore(case.bank.store)
        store.turns = (2,)
        case.bank.server = case.process(store)
        before = asyncio.all_tasks()
        dying = asyncio.ensure_future(decide(case.bank, auth_req_id, approve=approve))
        for _ in range(turns):
            await asyncio.sleep(0)
        finished = dying.done() and asyncio.all_tasks() == before
        died = asyncio.all_tasks() - before
        for task in died:
            task.cancel()
        await asyncio.gather(*died, return_exceptions=True)
        case.bank.server = case.process()
        sent = list(case.endpoint.heard)
        heard = sent + await case.later()
        core = case.bank.server.core
        decision = await core.records.marked("request-used", uri_of(auth_req_id))
        assert bool(heard) == (decision is not None)
        tokens = {body["access_token"] for body in heard if "access_token" in body}
        assert len(tokens) <= 1
        failed = any(body.get("error") == "transaction_failed" for body in heard)
        alive: list[Grant] = (await grants_of(core, "alice"))[0]
        if failed or not approve:
            assert alive == []
        elif heard:
            assert len(tokens) == len(alive) == 1
        outcomes.add("failed" if failed else "told" if heard else "undecided")
        if finished:
            assert not failed
            assert len(heard) == 1
            break
    else:
        pytest.fail("it never came to an end")
    assert outcomes == ({"failed", "told", "undecided"} if approve else {"told", "undecided"})
