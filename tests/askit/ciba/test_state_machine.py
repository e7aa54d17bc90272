"""An `auth_req_id` as a state machine (`tests.askit.decoupled.machine`), in each delivery mode.

A ping or a push is sent for the decision that counts and for nothing else, and changes nothing if it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from askit.decoupled.notification import PAUSES
from fapikit import HttpSettings
from tests.askit.bank import Bank
from tests.askit.ciba.asking import PING, POLL, PUSH, TOKEN, Asking, a_bank
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
    """A client that asks, and polls whatever it is registered for."""

    def __init__(self, client: PlainClient) -> None:
        self._asking = Asking(client)

    async def started(self) -> dict[str, Any]:
        answer = await self._asking.send(client_notification_token=TOKEN, proof=True)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def poll(self, codes: Mapping[str, Any]) -> httpx.Response:
        return await self._asking.poll(codes["auth_req_id"])


class Polled(Waiting):
    """`registered`: the client."""

    registered: ClassVar[dict[str, Any]] = POLL

    def make_bank(self) -> Bank:
        self.endpoint = Notified()
        return a_bank(self.registered)

    def outgoing(self) -> HttpSettings:
        return self.endpoint.http()

    def client(self, server: int) -> Till:
        return Till(self.bank.client(http=self.http(server)))

    async def look(self, browser: PlainClient) -> httpx.Response:
        return await Phone(browser).look()

    @invariant()
    def the_client_is_told_nothing_else(self) -> None:
        assert self.endpoint.heard == []


class Pinged(Polled):
    registered = PING

    @rule(answer=st.sampled_from(sorted(ANSWERS)))
    def the_notification_endpoint_changes(self, answer: str) -> None:
        self.endpoint.answer = ANSWERS[answer]

    @rule()
    def what_is_on_its_way_arrives(self) -> None:
        self.run(self.endpoint.settled())
        assert self.endpoint.heard or self.decided is None

    @invariant()
    def the_client_is_told_nothing_else(self) -> None:
        heard = self.endpoint.heard
        assert not heard or self.decided is not None
        assert len(heard) <= len(PAUSES)
        assert all(message == self.message(heard[0]) for message in heard)

    def message(self, heard: dict[str, Any]) -> dict[str, Any]:
        """What every message says. `heard`: the first one."""
        return {"auth_req_id": self.codes["auth_req_id"]}


class Pushed(Pinged):
    """Its polls get nothing, whatever was decided."""

    registered = PUSH

    def expected(self) -> str:
        return "unauthorized_client"

    def wait_until_polls_are_on_time(self) -> None:
        """They are not counted."""

    def message(self, heard: dict[str, Any]) -> dict[str, Any]:
        assert heard["auth_req_id"] == self.codes["auth_req_id"]
        assert ("access_token" in heard) == (self.decided == "approve")
        assert heard.get("error") == ("access_denied" if self.decided == "deny" else None)
        return heard


TestPolled, TestPinged, TestPushed = Polled.TestCase, Pinged.TestCase, Pushed.TestCase
TestPolled.settings = TestPinged.settings = TestPushed.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None
)
