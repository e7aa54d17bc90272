"""The polling rules, with a clock in the hand: no test here waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapikit.errors import (
    MalformedMessage,
    PeerRefused,
    Remedy,
    ResponseTooLarge,
    StoreUnavailable,
    UnexpectedStatus,
    Unreachable,
)
from fapikit.flow import Effect, Flow, Sleep
from fapikit.io.alarm import SharedAlarm
from rpkit.decoupled.polling import interval_of, poll
from rpkit.errors import RequestDenied, RequestExpired, ServerBusy, WaitCancelled
from tests.clocks import FrozenClock

TOKENS = "the tokens"
PENDING = PeerRefused("not yet", peer_code="authorization_pending", status=400)
SLOW_DOWN = PeerRefused("slower", peer_code="slow_down", status=400)
UNREACHABLE = Unreachable("no answer in time")
BROKEN = UnexpectedStatus("500", remedy=Remedy.RETRY_LATER, facts={"status": 500})


def busy(retry_after: float | None, peer_code: str | None = None) -> ServerBusy:
    return ServerBusy("busy", status=503, retry_after=retry_after, peer_code=peer_code)


class Server:
    """Gives its answers one after another; the last one again and again."""

    def __init__(self, *answers: Exception | str) -> None:
        self.answers, self.polls = list(answers), 0

    def ask(self) -> Flow[str]:
        answer = self.answers[min(self.polls, len(self.answers) - 1)]
        self.polls += 1
        if isinstance(answer, Exception):
            raise answer
        return answer
        yield  # a flow


class Waiting:
    """Runs a wait; a pause moves the clock."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.pauses: list[float] = []
        self.meanwhile: Callable[[Effect], None] = lambda effect: None

    def run(self, server: Server, *, interval: float = 5.0, expires_in: float = 600.0, **options: Any) -> str:
        flow = poll(
            server.ask,
            clock=self.clock,
            expires_at=self.clock() + expires_in,
            interval=interval,
            **options,
        )
        try:
            effect = next(flow)
            while True:
                assert isinstance(effect, Sleep)
                self.pauses.append(effect.seconds)
                self.clock.advance(effect.seconds)
                self.meanwhile(effect)
                effect = flow.send(effect.alarm is not None and effect.alarm.rung)
        except StopIteration as stop:
            return str(stop.value)


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.mark.spec("RFC 8628 3.5a")
def test_the_interval_passes_before_every_poll_and_before_the_first(waiting: Waiting):
    assert waiting.run(Server(PENDING, PENDING, TOKENS), interval=7) == TOKENS
    assert waiting.pauses == [7, 7, 7]


@pytest.mark.spec("RFC 8628 3.5b")
def test_each_slow_down_makes_this_and_all_later_pauses_five_seconds_longer(waiting: Waiting):
    waiting.run(Server(SLOW_DOWN, PENDING, SLOW_DOWN, PENDING, TOKENS))
    assert waiting.pauses == [5, 10, 10, 15, 15]


@pytest.mark.spec("RFC 8628 3.5d")
@pytest.mark.parametrize("failure", [UNREACHABLE, BROKEN, busy(None), StoreUnavailable("down")], ids=repr)
def test_after_failures_each_pause_is_twice_the_last_until_there_is_an_answer(
    waiting: Waiting, failure: Exception
):
    waiting.run(Server(PENDING, failure, failure, PENDING, TOKENS))
    assert waiting.pauses == [5, 5, 10, 20, 5]


def test_the_back_off_has_a_limit_and_ends_with_a_last_poll_in_time(waiting: Waiting):
    server = Server(UNREACHABLE)
    with pytest.raises(RequestExpired) as caught:
        waiting.run(server, expires_in=200)
    assert waiting.pauses == [5, 10, 20, 40, 60, 64]
    assert caught.value.__cause__ is UNREACHABLE, "the reader learns what failed"


def test_a_long_interval_is_not_shortened_by_the_limit_of_the_back_off(waiting: Waiting):
    waiting.run(Server(UNREACHABLE, TOKENS), interval=90)
    assert waiting.pauses == [90, 90]


@pytest.mark.spec("RFC 9110 10.2.3")
def test_retry_after_is_kept_where_it_is_longer_than_the_back_off(waiting: Waiting):
    waiting.run(Server(busy(30), busy(1), TOKENS))
    assert waiting.pauses == [5, 30, 20]


def test_a_retry_after_beyond_the_end_ends_the_wait_at_once(waiting: Waiting):
    server = Server(busy(700))
    with pytest.raises(RequestExpired):
        waiting.run(server)
    assert server.polls == 1


def test_slow_down_counts_under_the_status_429_too(waiting: Waiting):
    waiting.run(Server(busy(None, "slow_down"), PENDING, TOKENS))
    assert waiting.pauses == [5, 10, 10]


@pytest.mark.spec("RFC 8628 3.5c")
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (PeerRefused("no", peer_code="access_denied", status=400), RequestDenied),
        (PeerRefused("late", peer_code="expired_token", status=400), RequestExpired),
        (PeerRefused("who?", peer_code="invalid_client", status=401), PeerRefused),
        (PeerRefused("gone", peer_code="invalid_grant", status=400), PeerRefused),
        (PeerRefused("odd", peer_code="no_such_code", status=400), PeerRefused),
        (UnexpectedStatus("404", facts={"status": 404}), UnexpectedStatus),
        (MalformedMessage("not JSON"), MalformedMessage),
        (ResponseTooLarge("too large"), ResponseTooLarge),
    ],
)
def test_any_other_answer_ends_the_wait(waiting: Waiting, answer: Exception, expected: type[Exception]):
    server = Server(PENDING, answer)
    with pytest.raises(expected):
        waiting.run(server)
    assert server.polls == 2


def test_a_refusal_says_what_the_server_said(waiting: Waiting):
    with pytest.raises(RequestDenied, match="not today") as caught:
        waiting.run(
            Server(PeerRefused("no", peer_code="access_denied", status=400, peer_description="not today"))
        )
    assert caught.value.peer_description == "not today"


def test_the_last_pause_is_cut_so_that_a_poll_comes_just_before_the_end(waiting: Waiting):
    assert waiting.run(Server(UNREACHABLE, UNREACHABLE, TOKENS), expires_in=30) == TOKENS
    assert waiting.pauses == [5, 10, 14]


@pytest.mark.parametrize(
    ("expires_in", "interval", "pauses"), [(10, 5, [9]), (12, 5, [5, 6]), (62, 20, [20, 20, 21])]
)
def test_what_is_decided_in_the_last_interval_is_still_heard(
    waiting: Waiting, expires_in: float, interval: float, pauses: list[float]
):
    """A further poll would come after the end. So the last one is made as late as it can be."""
    answers = [*[PENDING] * (len(pauses) - 1), TOKENS]
    assert waiting.run(Server(*answers), expires_in=expires_in, interval=interval) == TOKENS
    assert waiting.pauses == pauses


def test_a_refusal_cites_the_clause_of_its_grant(waiting: Waiting):
    with pytest.raises(RequestExpired) as caught:
        waiting.run(Server(PENDING), clause="CIBA 11b")
    assert caught.value.clause == "CIBA 11b"


def test_no_poll_is_made_at_or_after_the_end(waiting: Waiting):
    server = Server(PENDING)
    with pytest.raises(RequestExpired):
        waiting.run(server, expires_in=21)
    assert waiting.pauses == [5, 5, 5, 5]
    assert server.polls == 4


def test_a_host_that_slept_past_the_end_does_not_poll(waiting: Waiting):
    waiting.meanwhile = lambda _: waiting.clock.advance(3600)
    server = Server(TOKENS)
    with pytest.raises(RequestExpired):
        waiting.run(server)
    assert server.polls == 0


def test_a_cancelled_wait_ends_without_another_poll(waiting: Waiting):
    alarm, server = SharedAlarm(), Server(PENDING)
    waiting.meanwhile = lambda _: alarm.ring() if server.polls == 2 else None
    with pytest.raises(WaitCancelled):
        waiting.run(server, cancelled=alarm)
    assert server.polls == 2


def test_a_pause_of_ones_own_may_end_sooner(waiting: Waiting):
    wanted: list[float] = []

    def pinged(seconds: float) -> Flow[None]:
        wanted.append(seconds)
        yield Sleep(0.5)

    assert waiting.run(Server(PENDING, TOKENS), pause=pinged) == TOKENS
    assert (wanted, waiting.pauses) == ([5, 5], [0.5, 0.5])


@pytest.mark.spec("RFC 8628 3.2b")
@pytest.mark.parametrize(
    ("said", "used"),
    [(None, 5.0), (2.0, 2.0), (0.0, 1.0), (0.2, 1.0), (-3.0, 5.0), (float("inf"), 5.0), (float("nan"), 5.0)],
)
def test_the_interval_to_begin_with(said: float | None, used: float):
    assert interval_of(said) == used
