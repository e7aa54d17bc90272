"""Processes that wait for one request at once: no order of their steps gives two logins, or a login after a refusal.

Each waiting process is a flow that is stepped by hand. Between any two of its effects the user may decide, time may
pass, the process may be killed and begin again from the sealed state, and another may go on.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fapikit import MemoryStore, PrivateKeyJWT
from fapikit.errors import FapiError, Unreachable
from fapikit.flow import Effect, Http, Sign, Sleep, Store
from fapikit.http_message import HttpResponse
from fapikit.metadata import ServerMetadata
from fapikit.stores.sealed import Seal
from rpkit import Client, DeviceAuthorization
from rpkit.decoupled.wait import wait
from rpkit.errors import DecoupledRequestError, RequestDenied, RequestEnded, RequestExpired, WaitCancelled
from tests.clocks import FrozenClock
from tests.keys import a_key
from tests.mothers.fake_bank import FakeBank

SEAL = Seal([b"s" * 32])
KEY = a_key("ES256", 1)
PROCESSES = ("one", "two", "three")
process = st.sampled_from(PROCESSES)


class Waits(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.bank = FakeBank(clock=FrozenClock(), nonces=False)
        self.store = MemoryStore(clock=self.bank.clock)
        self.client = Client(
            metadata=ServerMetadata(self.bank.issuer, self.bank.metadata()),
            client_id="fintech",
            auth=PrivateKeyJWT(KEY),
            http=self.bank.http(),
            store=self.store,
            clock=self.bank.clock,
        )
        self.kept = self.client.device(scope="accounts").seal(SEAL)
        self.flows: dict[str, Any] = {}
        self.requests: dict[str, DeviceAuthorization] = {}
        self.effects: dict[str, Effect] = {}
        self.ends: list[object] = []
        self.decision: str | None = None

    @precondition(lambda self: len(self.flows) < len(PROCESSES))
    @rule(name=process)
    def start(self, name: str) -> None:
        if name in self.flows:
            return
        self.requests[name] = DeviceAuthorization.open(self.kept, SEAL)
        self.flows[name] = wait(self.client.bank, self.requests[name])
        self._go(name, lambda flow: next(flow))

    @rule(name=process)
    def poll(self, name: str) -> None:
        """One process alone, to its next pause or its end."""
        self.step(name, 9)
        while name in self.flows and not isinstance(self.effects[name], Sleep):
            self.step(name, 9)

    @rule(names=st.permutations(PROCESSES))
    def poll_at_once(self, names: list[str]) -> None:
        """Every process has looked whether the request has ended, before any of them polls."""
        for stage in (Http, Sleep):
            for name in names:
                self.step(name, 9)
                while name in self.flows and not isinstance(self.effects[name], stage):
                    self.step(name, 9)

    @rule(name=process, rarely=st.integers(0, 3))
    def kill(self, name: str, rarely: int) -> None:
        if name in self.flows and rarely == 2:
            self.flows.pop(name).close()
            del self.effects[name]

    @rule(name=process, rarely=st.integers(0, 9))
    def cancel(self, name: str, rarely: int) -> None:
        if name in self.flows and rarely == 7:
            self.requests[name].cancel()

    @rule(name=process, broken=st.integers(0, 8))
    def step(self, name: str, broken: int) -> None:
        """One effect of one process; one call in nine finds the network broken."""
        if name not in self.flows:
            return
        effect = self.effects[name]
        try:
            result = self._perform(effect, broken=broken == 7)
        except FapiError as error:
            raised = error
            self._go(name, lambda flow: flow.throw(raised))
        else:
            self._go(name, lambda flow: flow.send(result))

    @rule(decision=st.sampled_from(["approved", "approved", "access_denied"]))
    def decide(self, decision: str) -> None:
        if self.decision is None:
            self.decision = self.bank.decision = decision

    @rule(rarely=st.integers(0, 29))
    def time_passes(self, rarely: int) -> None:
        """A pause takes no time here, so that much can happen before the request expires."""
        self.bank.clock.advance(600 if rarely == 13 else 1)

    def _perform(self, effect: Effect, *, broken: bool) -> object:
        match effect:
            case Http(request):
                if broken:
                    raise Unreachable("nobody there")
                status, headers, body = self.bank.respond(
                    request.method, request.url, list(request.headers), request.body
                )
                return HttpResponse(status, tuple(headers.items()), body, request.url)
            case Store(store, operation, arguments):
                return getattr(store, operation)(*arguments)
            case Sign(signer, signing_input):
                return signer.sign(signing_input)
            case Sleep(_, alarm):
                return alarm is not None and alarm.rung
            case _:
                raise AssertionError(f"nobody expected {effect}")

    def _go(self, name: str, move: Any) -> None:
        try:
            self.effects[name] = move(self.flows[name])
        except StopIteration as stop:
            self._ended(name, stop.value)
        except (DecoupledRequestError, FapiError) as error:
            self._ended(name, error)

    def _ended(self, name: str, end: object) -> None:
        del self.flows[name]
        self.effects.pop(name, None)
        self.ends.append(end)

    @property
    def logins(self) -> list[object]:
        return [end for end in self.ends if not isinstance(end, Exception)]

    @invariant()
    def one_login_at_most(self) -> None:
        assert len(self.logins) <= 1
        assert len(self.bank.access_tokens) <= 1

    @invariant()
    def none_after_a_refusal(self) -> None:
        if self.decision == "access_denied":
            assert self.logins == []
        if self.decision is None:
            assert self.logins == []

    @invariant()
    def each_end_is_one_of_the_known(self) -> None:
        for end in self.ends:
            if isinstance(end, Exception):
                known = RequestDenied | RequestEnded | RequestExpired | WaitCancelled
                # Two polls at one moment: the bank refuses the second.
                assert isinstance(end, known) or getattr(end, "peer_code", None) == "invalid_grant"


Waits.TestCase.settings = settings(
    max_examples=80, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
TestWaits = Waits.TestCase
