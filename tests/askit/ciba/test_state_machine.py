"""An authentication request as a state machine: polls, decisions, expiry and restarts in any order, at two processes.

In each delivery mode no order of them hands out two token sets, by poll or by push, or any after a refusal. A ping or a
push is sent for the decision that counts, once, and for nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from askit import AuthorizationServer
from askit.decoupled import decisions
from askit.decoupled.waiting import uri_of
from askit.errors import AnsweredBefore, InvalidRequestUri
from askit.records import Session
from askit.requests.request_uris import OpenedRequest, open_waiting_request
from tests.askit.ciba.asking import PING, POLL, PUSH, TOKEN, Asking, a_bank
from tests.askit.ciba.notified import Notified
from tests.askit.decoupled.test_state_machine import SlowStore
from tests.askit.plain_client import ISSUER

SERVER = st.integers(0, 1)
CHOICE = st.sampled_from(["approve", "deny"])
TURNS = st.lists(st.integers(0, 4), min_size=1, max_size=12)
CODE_LIFETIME, REMEMBERED = 60, 600
MODES = {"poll": POLL, "ping": PING, "push": PUSH}


class Authentication(RuleBasedStateMachine):
    """The model: what was decided and when, and what was handed out."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.endpoint = Notified()
        self.decided: str | None = None
        self.redeemable_until = 0.0
        self.handed_out: list[dict[str, Any]] = []
        self.pages: list[tuple[int, OpenedRequest]] = []

    def teardown(self) -> None:
        self.loop.close()

    @initialize(mode=st.sampled_from(sorted(MODES)), server=SERVER)
    def start(self, mode: str, server: int) -> None:
        self.mode = mode
        self.bank = a_bank(MODES[mode])
        self.clock, self.store = self.bank.clock, SlowStore(self.bank.store)
        self.servers = [self._server(), self._server()]
        sent: dict[str, Any] = {"client_notification_token": TOKEN, "requested_expiry": "120", "proof": True}
        self.auth_req_id = self.run(self._client(server).started(**sent))
        self.ends_at = self.clock() + 120

    def _server(self) -> AuthorizationServer:
        return AuthorizationServer(
            self.bank.config,
            store=self.store,  # type: ignore[arg-type]
            http=self.endpoint.http(),
            clock=self.clock,
        )

    def _client(self, server: int) -> Asking:
        transport = httpx.ASGITransport(app=self.servers[server], client=("192.0.2.1", 1))
        return Asking(self.bank.client(http=httpx.AsyncClient(transport=transport, base_url=ISSUER)))

    def run(self, what: Awaitable[Any]) -> Any:
        async def ran() -> Any:
            result = await what
            await self.endpoint.settled()
            return result

        return self.loop.run(ran())

    def over(self) -> bool:
        return self.clock() >= self.ends_at

    @rule(server=SERVER)
    def poll(self, server: int) -> None:
        self._note_answers([self.run(self._client(server).poll(self.auth_req_id))])

    @precondition(lambda self: not self.handed_out)
    @rule(turns=TURNS)
    def both_processes_are_polled_at_once(self, turns: list[int]) -> None:
        async def both() -> list[httpx.Response]:
            polls = (self._client(server).poll(self.auth_req_id) for server in (0, 1, 0))
            return await asyncio.gather(*polls)

        self.store.turns = turns
        answers = self.run(both())
        self.store.turns = (0,)
        self._note_answers(answers)

    def _note_answers(self, answers: list[httpx.Response]) -> None:
        told = ["tokens" if answer.status_code == 200 else answer.json()["error"] for answer in answers]
        expected, had = self._expected(), bool(self.handed_out)
        self.handed_out += [answer.json() for answer in answers if answer.status_code == 200]
        if expected == "tokens" and not had:
            assert told.count("tokens") == 1, told
            assert set(told) <= {"tokens", "invalid_grant"}, told
        elif expected == "pending":
            assert set(told) <= {"authorization_pending", "slow_down"}, told
        else:
            assert set(told) == {"invalid_grant" if expected == "tokens" else expected}, told

    def _expected(self) -> str:
        if self.mode == "push":
            return "unauthorized_client"
        if self.clock() >= self.ends_at + REMEMBERED:
            return "invalid_grant"
        if self.decided == "deny":
            return "access_denied"
        if self.decided == "approve":
            in_time = self.handed_out or self.clock() < self.redeemable_until
            return "tokens" if in_time else "expired_token"
        return "expired_token" if self.over() else "pending"

    @precondition(lambda self: self.decided is None and not self.over())
    @rule(server=SERVER)
    def open_the_page(self, server: int) -> None:
        async def opened() -> OpenedRequest:
            core = self.servers[server].core
            client = await core.clients.find("fintech")
            assert client is not None
            return await open_waiting_request(core, uri_of(self.auth_req_id), client)

        self.pages.append((server, self.run(opened())))

    async def _decide(self, server: int, opened: OpenedRequest, decision: str) -> bool:
        """Whether this decision counts. The check of the end is that of the page, which has one more look."""
        core = self.servers[server].core
        client = await core.clients.find("fintech")
        assert client is not None
        now = core.clock()
        session = Session(
            username="alice", auth_time=int(now), acr=core.config.acr_levels[0], expires_at=now + 1
        )
        try:
            await open_waiting_request(core, opened.uri, client)
            if decision == "approve":
                await decisions.approve(core, opened, client, session)
            else:
                await decisions.deny(core, opened, client, core.owners(client, "alice"))
        except (AnsweredBefore, InvalidRequestUri):
            return False
        return True

    @precondition(lambda self: self.pages)
    @rule(data=st.data(), decision=CHOICE)
    def decide(self, data: st.DataObject, decision: str) -> None:
        server, opened = data.draw(st.sampled_from(self.pages))
        counts = self.run(self._decide(server, opened, decision))
        assert counts == (self.decided is None and not self.over())
        if counts:
            self._note_decision(decision)

    @precondition(lambda self: len(self.pages) > 1 and self.decided is None and not self.over())
    @rule(chosen=st.tuples(CHOICE, CHOICE), turns=TURNS)
    def two_decide_at_once(self, chosen: tuple[str, str], turns: list[int]) -> None:
        async def both() -> list[bool]:
            pages = zip(self.pages[-2:], chosen, strict=True)
            return await asyncio.gather(*(self._decide(*page, decision) for page, decision in pages))

        self.store.turns = turns
        counts = self.run(both())
        self.store.turns = (0,)
        assert sorted(counts) == [False, True]
        self._note_decision(chosen[counts.index(True)])

    def _note_decision(self, decision: str) -> None:
        self.decided = decision
        self.redeemable_until = max(self.ends_at, self.clock() + CODE_LIFETIME)

    @rule(seconds=st.sampled_from([1, 5, 30, 119, 121, 800]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(server=SERVER)
    def a_process_starts_again(self, server: int) -> None:
        self.servers[server] = self._server()

    @invariant()
    def what_was_sent_is_the_decision_once(self) -> None:
        heard = self.endpoint.heard
        if self.decided is None or self.mode == "poll":
            assert heard == []
            return
        (message,) = heard
        assert message["auth_req_id"] == self.auth_req_id
        if self.mode == "ping":
            assert set(message) == {"auth_req_id"}
        elif self.decided == "approve":
            assert "access_token" in message
        else:
            assert message["error"] == "access_denied"

    @invariant()
    def nobody_has_two_token_sets_or_one_without_an_approval(self) -> None:
        pushed = [message for message in self.endpoint.heard if "access_token" in message]
        assert len(self.handed_out) + len(pushed) <= (1 if self.decided == "approve" else 0)


TestAuthentication = Authentication.TestCase
TestAuthentication.settings = settings(max_examples=40, stateful_step_count=14, deadline=None)
