"""While an authorization server does not answer, requests are 503 at once, and one a second tries it again."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import PrivateKeyJWT
from fapikit import errors as e
from fapikit.flow import Flow, sleep
from fapikit.http_message import HttpRequest, HttpResponse
from rskit import CannotDecide, Introspection, Issuer, ResourceServer
from rskit.issuers.cool_down import COOL_DOWN, TRY_EVERY, CoolDown
from tests.clocks import FrozenClock
from tests.hands import Hand, answer
from tests.keys import a_key
from tests.rskit.mothers import ISSUER, RESOURCE, a_server, a_view, allowed, decide

METADATA = answer({"issuer": ISSUER, "introspection_endpoint": f"{ISSUER}/introspect"})
ACTIVE = answer({"active": True, "aud": RESOURCE, "sub": "alice"})
SILENCE = e.Unreachable("no answer")


def an_api(clock: FrozenClock) -> ResourceServer:
    issuer = Issuer(ISSUER, introspection=Introspection("the-api", PrivateKeyJWT(a_key("ES256", 3))))
    return a_server(issuers=[issuer], clock=clock)


def a_request(number: int) -> Any:
    return a_view(f"Bearer token{number}")


def test_after_a_silence_nobody_waits_for_the_next_one():
    clock = FrozenClock()
    server, hand = an_api(clock), Hand(METADATA, SILENCE)
    for number in range(50):  # each token is new, and none of the answers is left
        decision = decide(server, a_request(number), hand)
        assert isinstance(decision, CannotDecide)
        assert dict(decision.headers)["retry-after"] == str(int(COOL_DOWN))
    assert len(hand.requests) == 2
    clock.advance(COOL_DOWN)
    hand.add([ACTIVE, ACTIVE])
    allowed(server, a_request(51), hand)
    allowed(server, a_request(52), hand)


def test_metadata_that_cannot_be_had_is_not_asked_for_by_every_request():
    clock = FrozenClock()
    server, hand = an_api(clock), Hand(answer("no", 500), answer("no", 500))  # at both of its addresses
    for number in range(50):
        assert isinstance(decide(server, a_request(number), hand), CannotDecide)
    assert len(hand.requests) == 2
    clock.advance(COOL_DOWN)
    hand.add([METADATA, ACTIVE])
    allowed(server, a_request(51), hand)


def test_what_is_remembered_of_a_token_serves_on_meanwhile():
    clock = FrozenClock()
    server, hand = an_api(clock), Hand(METADATA, ACTIVE, SILENCE)
    allowed(server, a_request(1), hand)
    assert isinstance(decide(server, a_request(2), hand), CannotDecide)
    allowed(server, a_request(1))


@pytest.mark.parametrize(
    "broken", [answer("no", 500), answer(b"<html>"), e.ResponseTooLarge("huge"), e.UnexpectedRedirect("away")]
)
def test_a_broken_answer_shuts_out_nobody_else(broken: Any):
    """Else one token that the server cannot digest would, sent by anybody, refuse everybody."""
    server, hand = an_api(FrozenClock()), Hand(METADATA, broken, ACTIVE)
    assert isinstance(decide(server, a_request(1), hand), CannotDecide)
    allowed(server, a_request(2), hand)


def ask(outcome: Any) -> Flow[str]:
    """A question that takes a while."""
    yield from sleep(1)
    if isinstance(outcome, Exception):
        raise outcome
    return str(outcome)


def end(flow: Flow[Any]) -> Any:
    try:
        flow.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("not at its end")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def endpoint(clock: FrozenClock) -> CoolDown:
    return CoolDown(clock)


def a_failure(endpoint: CoolDown) -> None:
    flow = endpoint.attempt(ask(SILENCE))
    next(flow)
    with pytest.raises(e.Unreachable):
        end(flow)


def test_a_silence_counts_only_if_nobody_was_answered_since_it_began(endpoint: CoolDown, clock: FrozenClock):
    lost = endpoint.attempt(ask(SILENCE))
    next(lost)
    clock.advance(1)
    other = endpoint.attempt(ask("answered"))
    next(other)
    assert end(other) == "answered"
    clock.advance(4)
    with pytest.raises(e.Unreachable):
        end(lost)
    next(endpoint.attempt(ask("answered")))


def test_one_a_second_tries_again_until_one_is_answered(endpoint: CoolDown, clock: FrozenClock):
    a_failure(endpoint)
    clock.advance(COOL_DOWN)
    trials = []
    for _ in range(3):
        trials.append(endpoint.attempt(ask("answered")))
        next(trials[-1])
        for _ in range(3):
            with pytest.raises(e.Unreachable):
                next(endpoint.attempt(ask("answered")))
        clock.advance(TRY_EVERY)
    assert end(trials[1]) == "answered"
    flows = [endpoint.attempt(ask("answered")) for _ in range(3)]
    for flow in flows:
        next(flow)


def test_a_try_that_hangs_does_not_keep_others_from_theirs(endpoint: CoolDown, clock: FrozenClock):
    a_failure(endpoint)
    clock.advance(COOL_DOWN)
    hanging = endpoint.attempt(ask(SILENCE))
    next(hanging)
    clock.advance(TRY_EVERY)
    honest = endpoint.attempt(ask("answered"))
    next(honest)
    assert end(honest) == "answered"
    clock.advance(4)
    with pytest.raises(e.Unreachable):
        end(hanging)
    next(endpoint.attempt(ask("answered")))


def test_a_try_that_has_ended_takes_nothing_from_one_that_began_later(endpoint: CoolDown, clock: FrozenClock):
    a_failure(endpoint)
    clock.advance(COOL_DOWN)
    first, second = endpoint.attempt(ask("answered")), endpoint.attempt(ask("answered"))
    next(first)
    clock.advance(TRY_EVERY)
    next(second)
    first.close()
    with pytest.raises(e.Unreachable):
        next(endpoint.attempt(ask("answered")))


def test_what_strangers_meet_is_not_what_the_known_meet(clock: FrozenClock):
    strangers = CoolDown(clock)
    known = CoolDown(clock, others=strangers)
    a_failure(strangers)
    flow = known.attempt(ask("answered"))
    next(flow)
    with pytest.raises(e.Unreachable):
        strangers.require()
    assert end(flow) == "answered"
    strangers.require()
    a_failure(known)
    strangers.require()
    flow = strangers.attempt(ask("answered"))
    next(flow)
    assert end(flow) == "answered"
    with pytest.raises(e.Unreachable):
        known.require()


POISON = "silencing"


def answering(request: HttpRequest) -> HttpResponse:
    """Asked about one token it says nothing, and about the others that they are active."""
    if POISON in request.body.decode():
        raise SILENCE
    return METADATA if request.method == "GET" else ACTIVE


def test_a_token_that_makes_the_server_silent_shuts_out_no_token_that_has_passed_before():
    clock = FrozenClock()
    server, hand = an_api(clock), Hand(*[answering] * 40)
    poison = a_view(f"Bearer {POISON}")
    allowed(server, a_request(1), hand)
    for _ in range(10):
        clock.advance(61)  # what was learnt of token1 has to be asked anew
        assert isinstance(decide(server, poison, hand), CannotDecide)
        assert isinstance(decide(server, a_request(99), hand), CannotDecide)
        allowed(server, a_request(1), hand)
        allowed(server, a_request(99), hand)
        server.forget("token99")


def test_a_broken_answer_is_an_answer_and_ends_the_pause(endpoint: CoolDown, clock: FrozenClock):
    a_failure(endpoint)
    clock.advance(COOL_DOWN)
    trial = endpoint.attempt(ask(e.UnusableAnswer("500")))
    next(trial)
    with pytest.raises(e.UnusableAnswer):
        end(trial)
    flows = [endpoint.attempt(ask("answered")) for _ in range(3)]
    for flow in flows:
        next(flow)


def test_a_try_that_fails_begins_the_pause_anew(endpoint: CoolDown, clock: FrozenClock):
    a_failure(endpoint)
    clock.advance(COOL_DOWN)
    a_failure(endpoint)
    clock.advance(COOL_DOWN - 1)
    with pytest.raises(e.Unreachable):
        next(endpoint.attempt(ask("answered")))
    clock.advance(1)
    next(endpoint.attempt(ask("answered")))


def test_a_caller_that_goes_away_does_not_keep_the_endpoint_to_itself(endpoint: CoolDown, clock: FrozenClock):
    a_failure(endpoint)
    clock.advance(COOL_DOWN)
    trial = endpoint.attempt(ask("answered"))
    next(trial)
    trial.close()
    next(endpoint.attempt(ask("answered")))


def test_a_clock_that_is_set_back_prolongs_nothing(endpoint: CoolDown, clock: FrozenClock):
    a_failure(endpoint)
    clock.advance(-3600)
    next(endpoint.attempt(ask("answered")))


def test_each_caller_has_an_error_of_its_own(endpoint: CoolDown):
    a_failure(endpoint)
    raised = []
    for _ in range(2):
        with pytest.raises(e.Unreachable) as caught:
            endpoint.require()
        raised.append(caught.value)
    assert raised[0] is not raised[1]
    assert repr(endpoint) == "CoolDown(failed)"
