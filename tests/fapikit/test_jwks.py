"""A peer's key set: when it is asked, when it is left alone, and what an outage means (RS-7)."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.errors import InsecureUrl, KeyNotFound, TransportError, Unreachable, UnusableAnswer
from fapikit.flow import Shared
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import ID_TOKEN
from fapikit.jwks import (
    ABSENT_FOR,
    COOL_DOWN,
    FAILURE_PAUSE,
    MAX_ABSENT,
    REFRESH_AHEAD,
    STALE_IF_ERROR,
    RemoteKeySet,
)
from tests.clocks import FrozenClock
from tests.hands import Hand, answer
from tests.keys import a_key

URI = "https://as.example/jwks"
DOWN = Unreachable("down")


def jwks(*numbers: int, **headers: str) -> HttpResponse:
    return answer({"keys": [dict(a_key("ES256", number).public_jwk) for number in numbers]}, **headers)


class Bench:
    """A key set, a clock and the answers to come."""

    def __init__(self, *answers: Any) -> None:
        self.clock = FrozenClock()
        self.keys = RemoteKeySet(URI, clock=self.clock)
        self.hand = Hand(*answers)

    def find(self, number: int = 0) -> str:
        key = self.hand.run(self.keys.find("ES256", a_key("ES256", number).kid, ID_TOKEN))
        return key.thumbprint

    def at_hand(self) -> KeySet | None:
        return self.keys.at_hand(self.clock())

    @property
    def asked(self) -> int:
        return len(self.hand.requests)


def test_asks_once_and_keeps_what_it_got() -> None:
    bench = Bench(jwks(0, 1))
    for number in (0, 1, 0):
        assert bench.find(number) == a_key("ES256", number).thumbprint
    (request,) = bench.hand.requests
    assert (request.method, request.url, request.timeout, request.max_bytes) == ("GET", URI, 5.0, 512 * 1024)


@pytest.mark.spec("FAPI2-SP 5.4.2-1", "FAPI1-ADV 8.9-1")
def test_an_http_uri_is_refused() -> None:
    with pytest.raises(InsecureUrl):
        RemoteKeySet("http://as.example/jwks", clock=FrozenClock())


@pytest.mark.parametrize(
    "control, fresh",
    [
        ({}, 600),
        ({"cache_control": "max-age=120"}, 120),
        ({"cache_control": "public, max-age=120, immutable"}, 120),
        ({"cache_control": "max-age=1"}, 60),
        ({"cache_control": "max-age=999999999"}, 86_400),
        ({"cache_control": "no-store"}, 60),
        ({"cache_control": "no-cache, max-age=900"}, 60),
        ({"cache_control": "s-maxage=5"}, 600),
        ({"cache_control": "max-age=-5"}, 600),
        ({"cache_control": "max-age=99999999999999999999"}, 600),
    ],
)
def test_stays_fresh_as_long_as_the_server_says_within_bounds(control: dict[str, str], fresh: float) -> None:
    bench = Bench(jwks(0, **control), jwks(0))
    bench.find()
    bench.clock.advance(fresh * 0.79)
    bench.find()
    assert (bench.asked, bench.hand.background) == (1, [])
    bench.clock.advance(fresh * 0.22)
    bench.find()
    assert bench.asked == 2


def test_refreshes_ahead_in_the_background() -> None:
    bench = Bench(jwks(0), jwks(0, 1))
    bench.find()
    bench.clock.advance(481)
    assert bench.find() == a_key().thumbprint
    assert bench.asked == 1
    bench.hand.run_background()
    assert bench.asked == 2
    assert bench.find(1) == a_key("ES256", 1).thumbprint


def test_a_failing_refresh_ahead_is_not_repeated_by_every_caller() -> None:
    bench = Bench(jwks(0), DOWN, jwks(0))
    bench.find()
    bench.clock.advance(481)
    bench.find()
    bench.hand.run_background_ignoring(TransportError)
    for _ in range(5):
        bench.find()
    assert bench.hand.background == []
    bench.clock.advance(FAILURE_PAUSE)
    bench.find()
    assert len(bench.hand.background) == 1


def test_a_key_gone_from_a_fresh_set_stops_working_at_once() -> None:
    bench = Bench(jwks(0, 1), jwks(1), jwks(1))
    bench.find(0)
    bench.clock.advance(601)
    bench.find(1)
    with pytest.raises(KeyNotFound):
        bench.find(0)


def test_an_unknown_kid_is_asked_for_once_in_the_cool_down() -> None:
    bench = Bench(jwks(0), jwks(0), jwks(0, 2))
    bench.find(0)
    for number in (1, 2, 1, 2):
        with pytest.raises(KeyNotFound):
            bench.find(number)
    assert bench.asked == 2
    assert bench.find(0) == a_key().thumbprint
    bench.clock.advance(COOL_DOWN)
    assert bench.find(2) == a_key("ES256", 2).thumbprint
    assert bench.asked == 3


def test_a_kid_that_a_refetch_did_not_bring_causes_no_other_for_a_minute() -> None:
    bench = Bench(jwks(0), jwks(0), jwks(0), jwks(0, 1, 2))
    with pytest.raises(KeyNotFound):
        bench.find(1)
    bench.clock.advance(COOL_DOWN)
    with pytest.raises(KeyNotFound):
        bench.find(1)
    assert bench.asked == 2, "the cool-down is over, and this kid is still not asked for"
    with pytest.raises(KeyNotFound):
        bench.find(2)
    assert bench.asked == 3, "another kid is"
    bench.clock.advance(ABSENT_FOR)
    assert bench.find(1) == a_key("ES256", 1).thumbprint


def test_a_flood_of_unknown_kids_fills_nothing() -> None:
    bench = Bench(jwks(0), *(jwks(0) for _ in range(2 * MAX_ABSENT)))
    for number in range(2 * MAX_ABSENT):
        bench.clock.advance(COOL_DOWN / 2)
        with pytest.raises(KeyNotFound):
            bench.hand.run(bench.keys.find("ES256", f"made-up-{number}", ID_TOKEN))
    assert len(bench.keys._absent._keys) <= MAX_ABSENT
    assert bench.asked <= MAX_ABSENT + 2


def test_the_cool_down_starts_at_the_refetch_and_not_at_an_ordinary_fetch() -> None:
    bench = Bench(jwks(0), jwks(0, 1))
    bench.find(0)
    assert bench.find(1) == a_key("ES256", 1).thumbprint


def test_who_asks_while_a_refetch_is_under_way_waits_for_it() -> None:
    bench = Bench(jwks(0))
    bench.find(0)
    kid = a_key("ES256", 1).kid
    first = bench.keys.find("ES256", kid, ID_TOKEN)
    second = bench.keys.find("ES256", kid, ID_TOKEN)
    asked, also = first.send(None), second.send(None)
    assert isinstance(asked, Shared)
    assert isinstance(also, Shared)
    assert asked.key == also.key
    bench.hand.add([jwks(0, 1)])
    outcome = bench.hand.run(asked.start())
    for waiting in (first, second):
        with pytest.raises(StopIteration) as stop:
            waiting.send(outcome)
        assert stop.value.value.kid == kid
    assert bench.asked == 2


def test_a_failed_first_fetch_is_not_retried_by_a_flood() -> None:
    bench = Bench(DOWN, jwks(0))
    for _ in range(10):
        with pytest.raises(Unreachable):
            bench.find()
    assert bench.asked == 1
    bench.clock.advance(FAILURE_PAUSE)
    assert bench.find() == a_key().thumbprint


def test_the_last_good_keys_serve_an_hour_longer_when_the_endpoint_fails() -> None:
    bench = Bench(jwks(0), DOWN, DOWN, DOWN)
    bench.find()
    bench.clock.advance(600)
    for _ in range(3):
        assert bench.find() == a_key().thumbprint
    assert bench.asked == 2, "while it rests after a failure nobody waits for the endpoint"
    bench.clock.advance(STALE_IF_ERROR - 1)
    assert bench.find() == a_key().thumbprint
    bench.clock.advance(FAILURE_PAUSE)
    with pytest.raises(TransportError):
        bench.find()


def test_an_unknown_kid_while_the_endpoint_is_down_cannot_be_decided() -> None:
    bench = Bench(jwks(0), DOWN)
    bench.find(0)
    for _ in range(3):
        with pytest.raises(TransportError):
            bench.find(1)
    assert bench.asked == 2
    assert bench.find(0) == a_key().thumbprint


@pytest.mark.parametrize(
    "response",
    [
        answer(b"<html>"),
        answer([]),
        answer({"keys": {}}),
        answer({"keys": [{}] * 101}),
        answer({"error": "x"}, 400),
        answer(b"", 500),
        answer(b'{"keys":[],"keys":[]}'),
    ],
)
def test_an_answer_that_is_no_key_set_decides_nothing(response: HttpResponse) -> None:
    with pytest.raises(UnusableAnswer) as refused:
        Bench(response).find()
    assert refused.value.clause == "RFC 7517 5"


def test_a_slow_old_answer_does_not_replace_a_newer_one() -> None:
    bench = Bench()
    slow, fast = bench.keys._fetch(), bench.keys._fetch()
    slow.send(None)
    bench.clock.advance(1)
    fast.send(None)
    for flow, response in ((fast, jwks(1)), (slow, jwks(0))):
        with pytest.raises(StopIteration):
            flow.send(response)
    found = bench.at_hand()
    assert found is not None
    assert [key.kid for key in found.keys] == [a_key("ES256", 1).kid]


def test_keys_are_at_hand_until_a_refresh_is_due_and_asking_for_them_asks_nobody() -> None:
    bench = Bench(jwks(0))
    assert bench.at_hand() is None
    bench.find()
    bench.clock.advance(600 * REFRESH_AHEAD - 1)
    assert bench.at_hand() is not None
    bench.clock.advance(1)
    assert bench.at_hand() is None


def test_keys_at_hand_never_wait_for_a_refetch() -> None:
    def untouchable(request: HttpRequest) -> HttpResponse:
        raise AssertionError(request)

    bench = Bench(jwks(0), untouchable)
    bench.find(0)
    unknown = bench.keys.find("ES256", "unknown", ID_TOKEN)
    assert isinstance(unknown.send(None), Shared)
    assert bench.find(0) == a_key().thumbprint
    unknown.close()


def test_two_objects_for_one_uri_each_keep_their_own_keys() -> None:
    one, two = Bench(), Bench()
    asked = [bench.keys.find("ES256", a_key().kid, ID_TOKEN).send(None) for bench in (one, two)]
    assert asked[0].key != asked[1].key  # type: ignore[union-attr]


def test_a_clock_set_back_does_not_keep_new_keys_out() -> None:
    bench = Bench(jwks(0), jwks(0), jwks(0, 1))
    bench.find(0)
    with pytest.raises(KeyNotFound):
        bench.find(1)
    bench.clock.advance(-3600)
    assert bench.find(1) == a_key("ES256", 1).thumbprint


def test_a_clock_set_back_does_not_keep_old_keys_fresh() -> None:
    bench = Bench(jwks(0, 1), jwks(1))
    bench.find(0)
    bench.clock.advance(-3600)
    assert bench.at_hand() is None
    assert bench.find(1) == a_key("ES256", 1).thumbprint
    assert bench.asked == 2
