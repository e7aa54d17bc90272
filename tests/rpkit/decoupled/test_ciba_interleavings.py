"""No interleaving of pings, pushes, decisions, polls, crashes and time gives two logins, or one after a refusal."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fapikit import FapiError, MemoryStore
from fapikit.errors import StoreUnavailable
from fapikit.io.alarm import SharedAlarm
from fapikit.stores.sealed import Seal
from rpkit import CibaRequest
from rpkit.errors import RequestDenied, RequestEnded, RequestExpired, WaitCancelled
from tests.mothers.ciba_bank import CibaBank
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import Answer, Seen

SEAL = Seal([b"s" * 32])
MODES = ("poll", "ping", "push")


class GenerousBank(CibaBank):
    """Gives tokens for one request as often as it is asked, which no bank should: the client sees to it itself."""

    def _token(self, call: Seen) -> Answer:
        asked = dict(self.asked)
        answer = super()._token(call)
        self.asked = asked
        return answer


class Crash(BaseException):
    """The process ends here, wherever it is."""


class Interleavings(RuleBasedStateMachine):
    """Two processes share a store and one sealed request. Each wait sleeps a while, and then its process crashes."""

    @initialize(mode=st.sampled_from(MODES))
    def begin(self, mode: str) -> None:
        self.bank = GenerousBank(nonces=False)
        self.store = MemoryStore(clock=self.bank.clock)
        self.mode = mode
        options = {"redirect_uri": None, "store": self.store, "backchannel_token_delivery_mode": mode}
        self.processes = [Clients("sync").of(self.bank, **options) for _ in range(2)]
        self.bank.answers = ["authorization_pending"] * 10_000
        request = self.processes[0].ciba(login_hint="alice")
        self.auth_req_id = request.reference.reveal()
        self.sealed = request.seal(SEAL)
        self.decision: str | None = None
        self.told: tuple[dict[str, str], bytes] | None = None
        self.logins: list[Any] = []
        self.expired = False

    @rule(decision=st.sampled_from(["approved", "access_denied"]))
    def decide(self, decision: str) -> None:
        """The first decision counts."""
        if self.decision is not None:
            return
        self.decision = decision
        self.bank.answers = [] if decision == "approved" else [decision] * 10_000
        if self.mode == "ping":
            self.told = self.bank.ping(self.auth_req_id)
        if self.mode == "push" and decision == "approved":
            self.told = self.bank.push(self.auth_req_id)
        if self.mode == "push" and decision != "approved":
            self.told = self.bank.push_error(self.auth_req_id, decision)

    @rule(process=st.integers(0, 1))
    def tell(self, process: int) -> None:
        """The bank may tell it again and again."""
        if self.told is not None:
            headers, body = self.told
            try:
                self.processes[process].hear_notification(headers["authorization"], body)
            except FapiError:
                assert self.bank.clock() > 1_800_000_600, "only a request that has ended is not told of"

    @rule(process=st.integers(0, 1), naps=st.integers(0, 3), cancels=st.sampled_from([False, False, True]))
    def wait(self, process: int, naps: int, cancels: bool) -> None:
        request = CibaRequest.open(self.sealed, SEAL)
        left = [naps]

        def nap(alarm: SharedAlarm, seconds: float) -> bool:
            if left[0] == 0:
                if not cancels:
                    raise Crash
                request.cancel()
            left[0] -= 1
            self.bank.clock.advance(seconds)
            return alarm.rung

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(SharedAlarm, "wait", nap)
            try:
                self.logins.append(self.processes[process].wait(request))
                assert self.decision == "approved"
            except Crash:
                pass
            except WaitCancelled:
                assert cancels
            except RequestDenied:
                assert self.decision == "access_denied"
            except RequestExpired:
                assert self.bank.clock() > 1_800_000_500
            except RequestEnded:
                assert self.logins or self.decision == "access_denied" or self.bank.clock() > 1_800_000_500

    @rule(seconds=st.sampled_from([1, 5, 30]))
    def time_passes(self, seconds: int) -> None:
        self.bank.clock.advance(seconds)

    @rule()
    def the_store_fails_once(self) -> None:
        """In the middle of a look: the wait goes on, or says that it cannot decide."""
        request = CibaRequest.open(self.sealed, SEAL)

        def fail(*_: Any) -> Any:
            raise StoreUnavailable("down")

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(self.store, "get", fail)
            patched.setattr(SharedAlarm, "wait", lambda *_: request.cancel() or True)
            with pytest.raises((WaitCancelled, StoreUnavailable, RequestExpired)):
                self.processes[0].wait(request)

    @invariant()
    def at_most_one_login(self) -> None:
        assert len(getattr(self, "logins", ())) <= 1
        if getattr(self, "decision", None) == "access_denied":
            assert not self.logins


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(
    max_examples=60, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
