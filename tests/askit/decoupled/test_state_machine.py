"""A device request as a state machine; see `machine`."""

from __future__ import annotations

import httpx
from hypothesis import settings
from hypothesis.stateful import precondition, rule

from tests.askit.bank import Bank
from tests.askit.decoupled.machine import SERVER, Waiting
from tests.askit.decoupled.television import Holder, Television, a_bank, television
from tests.askit.plain_client import PlainClient


class Device(Waiting):
    def make_bank(self) -> Bank:
        return a_bank()

    def client(self, server: int) -> Television:
        return television(self.bank, http=self.http(server))

    async def look(self, browser: PlainClient) -> httpx.Response:
        holder = self._holder(browser)
        return await holder.at_consent(await holder.type_code(self.codes["user_code"]))

    def _holder(self, browser: PlainClient) -> Holder:
        holder = Holder(self.bank)
        holder.browser = browser
        return holder

    @precondition(lambda self: self.decided is None and not self.over())
    @rule(server=SERVER)
    def say_that_it_is_somebody_elses(self, server: int) -> None:
        """Without signing in."""
        browser = self.bank.client(http=self.http(server))

        async def refused() -> httpx.Response:
            return await browser.submit(await self._holder(browser).scan(self.codes), holds="no")

        assert self.run(refused()).status_code == 200
        self.note("deny")


TestDevice = Device.TestCase
TestDevice.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
