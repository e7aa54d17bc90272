"""An `auth_req_id` as a state machine (`tests.askit.decoupled.machine`). Here its client is pinged, often in vain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from askit.decoupled.notification import PAUSES
from fapikit import HttpSettings
from tests.askit.bank import Bank
from tests.askit.ciba.asking import PING, TOKEN, Asking, a_bank
from tests.askit.ciba.notified import Notified
from tests.askit.ciba.phone import Phone
from tests.askit.decoupled.machine import Waiting
from tests.askit.plain_client import PlainClient


def _unreachable(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody is there")


ANSWERS: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "taken": lambda _: httpx.Response(204),
    "refused": lambda _: httpx.Response(401),
    "broken": lambda _: httpx.Response(500, text="no"),
    "elsewhere": lambda _: httpx.Response(307, headers={"location": "https://elsewhere.example.test/"}),
    "unreachable": _unreachable,
}


class Till:
    """A client that is pinged, and polls all the same."""

    def __init__(self, client: PlainClient) -> None:
        self._asking = Asking(client)

    async def started(self) -> dict[str, Any]:
        answer = await self._asking.send(client_notification_token=TOKEN)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def poll(self, codes: Mapping[str, Any]) -> httpx.Response:
        return await self._asking.poll(codes["auth_req_id"])


class AuthReqId(Waiting):
    def make_bank(self) -> Bank:
        self.endpoint = Notified()
        return a_bank(PING)

    def outgoing(self) -> HttpSettings:
        return self.endpoint.http()

    def client(self, server: int) -> Till:
        return Till(self.bank.client(http=self.http(server)))

    async def look(self, browser: PlainClient) -> httpx.Response:
        return await Phone(browser).look()

    @rule(answer=st.sampled_from(sorted(ANSWERS)))
    def the_notification_endpoint_changes(self, answer: str) -> None:
        self.endpoint.answer = ANSWERS[answer]

    @rule()
    def the_ping_arrives(self) -> None:
        """Whatever was begun in the background goes on."""
        self.run(self.endpoint.settled())
        assert self.decided is None or self.endpoint.heard

    @invariant()
    def pings_tell_of_a_decision_and_of_nothing_else(self) -> None:
        assert not self.endpoint.heard or self.decided is not None
        assert len(self.endpoint.heard) <= len(PAUSES)
        assert all(heard == {"auth_req_id": self.codes["auth_req_id"]} for heard in self.endpoint.heard)


TestAuthReqId = AuthReqId.TestCase
TestAuthReqId.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
