"""The attacker where the customer decides on another device: polls in a hurry, and has what belongs to others."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import httpx

from examples.demo.attackers.refusal import Refusal
from examples.demo.browser import Browser
from examples.demo.client import attackers_certificate, certificate_of
from examples.demo.customer import fintech_client, mallorys_client, poll_once
from examples.demo.trace import Recorder
from examples.demo.walks.step import require
from examples.demo.world import World
from rpkit import Client
from rpkit.decoupled.request import DecoupledRequest
from rpkit.errors import RequestDenied
from rpkit.tokens.dpop_signer import new_dpop_key

_POLLS = 10
"""On a busy machine the second one may come too late to be too early."""


class DecoupledThief:
    """The attacks that devices and CIBA have in common. Subclasses say how to ask, and how the customer decides."""

    title: str
    party: str
    """The name in the trace of who asks."""
    rule: str
    """The clause of an answer to a poll."""
    reference: str
    """What it polls with."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.phone = Browser(world, "phone")
        self.http = Recorder(world, self.party).settings(certificate_of(world))
        self.http.client.event_hooks["response"].append(self._overhear)
        self.client = fintech_client(world, self.http)
        self.mallorys_http = Recorder(world, "attacker").settings(attackers_certificate(world))
        self.mallory = mallorys_client(world, self.mallorys_http)
        self._slowed_down = Event()

    def ask(self) -> DecoupledRequest:
        raise NotImplementedError

    def ask_what_lapses(self) -> DecoupledRequest:
        raise NotImplementedError

    def decide(self, request: DecoupledRequest, decision: str) -> None:
        """What the customer does on the phone: `approve` or `deny`."""
        raise NotImplementedError

    def prepare(self) -> None:
        """The request that nobody decides about. It lapses while other attacks are played."""
        self.lapsing = self.ask_what_lapses()

    def attacks(self) -> list[Callable[[], Refusal]]:
        return [self.hurry, self.no, self.other_client, self.lapsed]

    def hurry(self) -> Refusal:
        """Polls without a pause. The client itself keeps the interval, and makes it longer when it is told so."""
        request, code = self.ask(), "authorization_pending"
        for _ in range(_POLLS):
            if code == "authorization_pending":
                code = poll_once(self.client, self.http, request)
        require(code == "slow_down", f"slow_down is the answer to such polls, not {code}")
        self._slowed_down.clear()
        with ThreadPoolExecutor(1) as threads:
            began = time.monotonic()
            # Its first poll is too early for the bank, too.
            waiting = threads.submit(self.client.wait, request)
            try:
                self._slowed_down.wait(10)
                self.decide(request, "approve")
                waiting.result()
            finally:
                request.cancel()  # if something failed, nobody waits on
        waited = time.monotonic() - began
        require(waited > request.interval + 5, f"the client waited no more than {waited:.1f} s")
        error = f"slow_down; the {self.party}, told the same, paused 5 s longer: it had its tokens after {waited:.0f} s"
        return Refusal("polling too fast", "400", error, self.rule)

    def no(self) -> Refusal:
        request = self.ask()
        self.decide(request, "deny")
        return self.denied("the customer says no", self.client, request, self.rule)

    def other_client(self) -> Refusal:
        """Another client of the bank has the code of a request that the customer approved."""
        request = self.ask()
        self.decide(request, "approve")
        stolen = replace(request, dpop=new_dpop_key(self.mallory.bank))
        code = poll_once(self.mallory, self.mallorys_http, stolen)
        require(code == "invalid_grant", f"invalid_grant is the answer, not {code}")
        self.client.wait(request)  # whoever asked gets the tokens nevertheless
        return Refusal(f"somebody else's {self.reference}", "400", code, self.rule)

    def lapsed(self) -> Refusal:
        """The bank's clock decides, so this waits for the rest of the request's short life."""
        time.sleep(max(0.0, self.lapsing.expires_at - time.time()) + 1)
        code = poll_once(self.client, self.http, self.lapsing)
        require(code == "expired_token", f"expired_token is the answer, not {code}")
        return Refusal("nobody decided in time", "400", code, self.rule)

    def denied(self, title: str, client: Client, request: DecoupledRequest, rule: str) -> Refusal:
        try:
            client.wait(request)
        except RequestDenied as error:
            return Refusal(title, "400", f"RequestDenied: {error.message}", rule)
        raise AssertionError(f"{title}: tokens came")

    def _overhear(self, response: httpx.Response) -> None:
        if response.status_code == 400 and b'"slow_down"' in response.read():
            self._slowed_down.set()
