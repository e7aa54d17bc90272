"""Several attempts at once, a step at a time in every order that hypothesis thinks of, some of them cut off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from fapikit.errors import FapiError
from fapikit.flow import Call, Effect, Flow, Store
from rskit import NotExecuted, Reservation
from rskit.consents.use import use_consent
from tests.hands import Hand
from tests.rskit.consents.paying import Api, a_consent

LEASE_OVER = 121.0


class Request(NamedTuple):
    """One attempt. `poor`: its `execute` says that nothing was executed."""

    key: str
    consents: tuple[str, ...]
    poor: bool


class Attempt:
    """A flow that is run one effect at a time. What it executes is noted with its key."""

    def __init__(self, api: Api, request: Request, paid: list[tuple[str, str]]) -> None:
        def execute(reservation: Reservation) -> Any:
            if request.poor:
                raise NotExecuted
            paid.append((request.key, reservation.id))
            return api.books.pay(reservation)

        checked = api.admit(*(a_consent(name, clock=api.clock) for name in request.consents), key=request.key)
        self.key, self._reconcile = request.key, api.ledger.reconcile
        self.outcome: Any = None
        self._flow: Flow[Any] | None = use_consent(checked, execute)
        self._hand = Hand()
        self._next: Callable[[], Effect] = lambda: next(self.flow)
        self._effect: Effect | None = None
        self._advance()

    @property
    def flow(self) -> Flow[Any]:
        assert self._flow is not None
        return self._flow

    @property
    def runs(self) -> bool:
        return self._flow is not None

    def step(self) -> None:
        """Perform the effect that it has asked for. Whoever decides to execute does so without a pause."""
        if self._flow is None:
            return
        assert self._effect is not None
        effect, flow = self._effect, self._flow
        try:
            result = self._hand._perform(effect)
        except Exception as error:
            failure = error
            self._next = lambda: flow.throw(failure)
        else:
            self._next = lambda: flow.send(result)
        self._advance()
        if isinstance(self._effect, Call) and self._effect.function is not self._reconcile:
            self.step()

    def before(self, operation: str, kind: str) -> Attempt:
        """Run it until it is about to do this to a mark of this kind."""
        while not (
            isinstance(self._effect, Store)
            and self._effect.operation == operation
            and self._effect.arguments[0].startswith(kind)
        ):
            assert self.runs, self.outcome
            self.step()
        return self

    def to_the_end(self) -> Any:
        while self.runs:
            self.step()
        return self.outcome

    def cut(self) -> None:
        """Its process is killed."""
        if self._flow is not None:
            self._flow = None
            self.outcome = "cut"

    def _advance(self) -> None:
        try:
            self._effect = self._next()
        except StopIteration as stop:
            self.outcome, self._flow = stop.value, None
        except (FapiError, NotExecuted) as error:
            self.outcome, self._flow = type(error).__name__, None
        if self._flow is None:
            self._effect = None


NAMES = ("c1", "c2")
REQUESTS = st.builds(
    Request,
    key=st.sampled_from(["k1", "k2"]),
    consents=st.sampled_from([("c1",), ("c2",), ("c1", "c2"), ("c2", "c1")]),
    poor=st.booleans(),
)
ACTIONS = st.one_of(
    st.tuples(st.just("step"), st.integers(0, 3)),
    st.tuples(st.just("step"), st.integers(0, 3)),
    st.tuples(st.just("step"), st.integers(0, 3)),
    st.tuples(st.just("cut"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.just(0)),
)


@settings(max_examples=250)
@given(st.lists(REQUESTS, min_size=2, max_size=4), st.lists(ACTIONS, max_size=60))
def test_no_consent_pays_twice_and_no_key_pays_twice(
    requests: list[Request], actions: list[tuple[str, int]]
) -> None:
    api, paid = Api(), []
    attempts = [Attempt(api, request, paid) for request in requests]
    for action, number in actions:
        attempt = attempts[number % len(attempts)]
        if action == "wait":
            api.clock.advance(LEASE_OVER)
        elif action == "cut":
            attempt.cut()
        else:
            attempt.step()
    for attempt in attempts:
        attempt.to_the_end()
    assert_each_paid_once(paid)

    # Whatever was left behind: after the leases every key is told what came of it, and no consent is lost.
    api.clock.advance(LEASE_OVER)
    for key in ("k1", "k2", "k3", "k4"):
        outcome = Attempt(api, Request(key, NAMES, poor=False), paid).to_the_end()
        told = isinstance(outcome, dict)
        assert told or outcome == "ConsentUsed", outcome
        assert told is (key in [payer for payer, _ in paid])
    assert_each_paid_once(paid)
    assert len(paid) == len(NAMES), "no consent is lost"


def assert_each_paid_once(paid: list[tuple[str, str]]) -> None:
    payers, payments = [payer for payer, _ in paid], [payment for _, payment in paid]
    assert len(set(payments)) == len(payments), "one consent has paid twice"
    assert len(set(payers)) == len(payers), "one key has paid twice"


POOR = Request("k2", ("c1",), poor=True)
PAYS = Request("k1", NAMES, poor=False)


def holding(api: Api) -> Attempt:
    """An attempt of another key that holds c1, and will give it back."""
    attempt = Attempt(api, POOR, []).before("swap", "consent:")
    attempt.step()
    return attempt


def test_who_looked_at_a_key_before_it_was_tied_again_cannot_tie_it_to_another_consent() -> None:
    api, paid = Api(), []
    Attempt(api, PAYS, paid).before("swap", "consent:").cut()
    other = holding(api)
    late = Attempt(api, PAYS, paid).before("swap", "idempotency:")  # to c2, for c1 is in use
    assert other.to_the_end() == "NotExecuted"
    outcome = Attempt(api, PAYS, paid).to_the_end()
    assert late.to_the_end() == outcome
    assert len(paid) == 1


def test_who_looked_at_a_free_consent_before_it_was_used_and_freed_again_does_not_reserve_it() -> None:
    api, paid = Api(), []
    assert Attempt(api, POOR, []).to_the_end() == "NotExecuted"
    late = Attempt(api, PAYS, paid).before("swap", "consent:")
    other = holding(api)
    outcome = Attempt(api, PAYS, paid).to_the_end()
    assert other.to_the_end() == "NotExecuted"
    assert late.to_the_end() == outcome
    assert len(paid) == 1
