"""A waiting request as a state machine: polls, decisions, expiry and restarts in any order, at two processes.

No order of them hands out two token sets, or any token after a refusal, without an approval, or after the end. A
subclass is one way to ask: a device, or CIBA.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from askit import AuthorizationServer
from fapikit import HttpSettings, MemoryStore
from fapikit.stores.together import Operation, Results, atogether
from tests.askit.bank import Bank
from tests.askit.plain_client import ISSUER, PlainClient

SERVER = st.integers(0, 1)
DECISION = st.sampled_from(["approve", "deny"])
TURNS = st.lists(st.integers(0, 4), min_size=1, max_size=12)
CODE_LIFETIME, INTERVAL, SLOWER, TOLERATED = 60, 5, 5, 0.5


class SlowStore:
    """A store at some distance: each trip takes some turns of the event loop, so others come in between."""

    def __init__(self, inner: MemoryStore) -> None:
        self._inner = inner
        self.turns: Sequence[int] = (0,)
        self._trips = 0

    async def _travel(self) -> None:
        self._trips += 1
        for _ in range(self.turns[self._trips % len(self.turns)]):
            await asyncio.sleep(0)

    async def aget(self, key: str) -> bytes | None:
        await self._travel()
        return self._inner.get(key)

    async def aput(self, key: str, value: bytes, ttl: float) -> None:
        await self._travel()
        self._inner.put(key, value, ttl)

    async def atake(self, key: str) -> bytes | None:
        await self._travel()
        return self._inner.take(key)

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
        await self._travel()
        return self._inner.add(key, value, ttl)

    async def aswap(self, key: str, expected: bytes | None, new: bytes, ttl: float) -> bool:
        await self._travel()
        return self._inner.swap(key, expected, new, ttl)

    async def atogether(self, operations: Sequence[Operation]) -> Results:
        await self._travel()
        return await atogether(self._inner, operations)


class Poller(Protocol):
    """A client with a request that waits."""

    async def started(self) -> dict[str, Any]: ...

    async def poll(self, codes: Mapping[str, Any]) -> httpx.Response: ...


class Waiting(RuleBasedStateMachine):
    """The model: what was decided and when, what was handed out, and the clock of polls."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.bank = self.make_bank()
        self.store = SlowStore(self.bank.store)
        self.clock = self.bank.clock
        self.servers: list[AuthorizationServer] = [self._server(), self._server()]
        self.pages: list[tuple[PlainClient, httpx.Response]] = []
        self.decided: str | None = None
        self.redeemable_until = 0.0
        self.handed_out: list[dict[str, Any]] = []
        self.last_poll: float | None = None
        self.interval = INTERVAL

    # What differs between a device and CIBA.

    def make_bank(self) -> Bank:
        raise NotImplementedError

    def outgoing(self) -> HttpSettings | None:
        """How the server reaches its clients, if it does."""
        return None

    def client(self, server: int) -> Poller:
        """The client, which talks to this server."""
        raise NotImplementedError

    async def look(self, browser: PlainClient) -> httpx.Response:
        """The page on which the user decides, after the sign-in."""
        raise NotImplementedError

    # The model.

    def teardown(self) -> None:
        self.loop.close()

    def _server(self) -> AuthorizationServer:
        kept: Any = self.store
        return AuthorizationServer(self.bank.config, store=kept, http=self.outgoing(), clock=self.clock)

    def http(self, server: int) -> httpx.AsyncClient:
        """A client of whatever runs there now."""
        transport = httpx.ASGITransport(app=self.servers[server], client=("192.0.2.1", 1))
        return httpx.AsyncClient(transport=transport, base_url=ISSUER)

    def run(self, what: Awaitable[Any]) -> Any:
        async def ran() -> Any:
            return await what

        return self.loop.run(ran())

    def over(self) -> bool:
        return self.clock() >= self.ends_at

    @initialize(server=SERVER)
    def start(self, server: int) -> None:
        self.codes = self.run(self.client(server).started())
        self.ends_at = self.clock() + self.codes["expires_in"]

    @rule(server=SERVER)
    def poll(self, server: int) -> None:
        expected = self.expected()
        assert self.told(server) == expected, self.decided

    def told(self, server: int) -> str:
        """The error of a poll, or `tokens`, which are noted."""
        answer = self.run(self.client(server).poll(self.codes))
        if answer.status_code != 200:
            return str(answer.json()["error"])
        self.handed_out.append(answer.json())
        return "tokens"

    def expected(self) -> str:
        """What a poll is told now."""
        if self.clock() >= self.ends_at + 600:
            return "invalid_grant"
        if self.decided == "deny":
            return "access_denied"
        if self.decided == "approve":
            if self.handed_out:
                return "invalid_grant"
            return "tokens" if self.clock() < self.redeemable_until else "expired_token"
        if self.over():
            return "expired_token"
        early = self.last_poll is not None and self.clock() < self.last_poll + self.interval - TOLERATED
        self.last_poll = self.clock()
        if early:
            self.interval += SLOWER
        return "slow_down" if early else "authorization_pending"

    @precondition(lambda self: self.decided is None and not self.over())
    @rule(server=SERVER)
    def open_the_page(self, server: int) -> None:
        browser = self.bank.client(http=self.http(server))
        self.pages.append((browser, self.run(self.look(browser))))

    @precondition(lambda self: self.pages)
    @rule(data=st.data())
    def approve(self, data: st.DataObject) -> None:
        self._decide(data, "approve")

    @precondition(lambda self: self.pages)
    @rule(data=st.data())
    def deny(self, data: st.DataObject) -> None:
        self._decide(data, "deny")

    def _decide(self, data: st.DataObject, decision: str) -> None:
        browser, page = data.draw(st.sampled_from(self.pages))
        answer = self.run(browser.submit(page, decision=decision))
        counts = self.decided is None and not self.over()
        assert answer.status_code == (200 if counts else 400), answer.text
        if counts:
            self.note(decision)

    def note(self, decision: str) -> None:
        self.decided = decision
        self.redeemable_until = max(self.ends_at, self.clock() + CODE_LIFETIME)

    @precondition(lambda self: len(self.pages) > 1 and self.decided is None and not self.over())
    @rule(decisions=st.tuples(DECISION, DECISION), turns=TURNS)
    def two_decide_at_once(self, decisions: tuple[str, str], turns: list[int]) -> None:
        chosen = list(zip(self.pages[-2:], decisions, strict=True))

        async def both() -> list[httpx.Response]:
            tried = (browser.submit(page, decision=each) for (browser, page), each in chosen)
            return await asyncio.gather(*tried)

        self.store.turns = turns
        answers = self.run(both())
        self.store.turns = (0,)
        counted = [i for i, answer in enumerate(answers) if answer.status_code == 200]
        assert len(counted) == 1, [answer.text for answer in answers]
        self.note(decisions[counted[0]])

    @precondition(lambda self: not self.handed_out)
    @rule(turns=TURNS, deciding=st.booleans())
    def both_processes_are_polled_at_once(self, turns: list[int], deciding: bool) -> None:
        """Perhaps while the user approves."""
        decides = deciding and bool(self.pages) and self.decided is None and not self.over()

        async def all_of_it() -> list[httpx.Response]:
            polls = [self.client(server).poll(self.codes) for server in (0, 1, 0)]
            if decides:
                browser, page = self.pages[-1]
                polls.append(browser.submit(page, decision="approve"))
            return await asyncio.gather(*polls)

        pending = self.decided is None and not self.over()
        before = self.expected()
        self.store.turns = turns
        answers = self.run(all_of_it())
        self.store.turns = (0,)
        if decides:
            assert answers.pop().status_code == 200
            self.note("approve")
        given = [answer.json() for answer in answers if answer.status_code == 200]
        assert len(given) <= 1
        assert not given or before == "tokens" or decides
        assert given or before != "tokens"
        self.handed_out += given
        if pending:  # the clock of polls counts each of these; it is read where the model goes on
            self.wait_until_polls_are_on_time()

    def wait_until_polls_are_on_time(self) -> None:
        self.interval += 3 * SLOWER
        self.last_poll = self.clock()
        self.clock.advance(self.interval)
        if self.decided is None and not self.over():
            assert self.told(0) == "authorization_pending"
            self.last_poll = self.clock()
            self.interval = self._stored_interval()

    def _stored_interval(self) -> int:
        ((_, value),) = [
            (key, value) for key, (value, _) in self.bank.store._entries.items() if ":polls:" in key
        ]
        return int(json.loads(value)["interval"])

    @rule(seconds=st.sampled_from([1, 4, 5, 5, 10, 15, 59, 60, 290]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(server=SERVER)
    def restart(self, server: int) -> None:
        self.servers[server] = self._server()
        for browser, _ in self.pages:
            cookies = browser.http.cookies
            browser.http = self.http(server)
            browser.http.cookies = cookies

    @invariant()
    def one_token_set_at_most_and_only_after_an_approval(self) -> None:
        assert len(self.handed_out) <= 1
        assert not self.handed_out or self.decided == "approve"
