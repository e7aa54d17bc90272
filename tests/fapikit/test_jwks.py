"""A peer's key set: when it is asked, how long it is believed, and what an outage means (RS-7)."""

from __future__ import annotations

import pytest

from fapikit.errors import (
    ConfigurationError,
    InsecureUrl,
    KeyNotFound,
    TransportError,
    Unreachable,
    UnusableAnswer,
)
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.jose.purposes import ID_TOKEN
from fapikit.jwks import (
    FAILURE_PAUSE,
    REFRESH_AHEAD,
    KeyLimits,
    RemoteKeySet,
)
from tests.clocks import FrozenClock
from tests.fapikit.remote_keys import DOWN, URI, Bench, jwks
from tests.hands import answer
from tests.keys import a_key


def test_asks_once_and_keeps_what_it_got() -> None:
    bench = Bench(jwks(0, 1))
    for number in (0, 1, 0):
        assert bench.find(number) == a_key("ES256", number).thumbprint
    (request,) = bench.hand.requests
    assert (request.method, request.url, request.timeout, request.max_bytes) == ("GET", URI, 5.0, 512 * 1024)
    assert dict(request.headers)["cache-control"] == "no-cache"


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
        ({"cache_control": "max-age=601"}, 600),
        ({"cache_control": "max-age=999999999"}, 600),
        ({"cache_control": "max-age=600", "age": "450"}, 150),
        ({"cache_control": "max-age=600", "age": "86400"}, 60),
        ({"cache_control": "max-age=500", "age": "-100"}, 500),
        ({"cache_control": "max-age=500", "age": "soon"}, 500),
        ({"age": "599"}, 600),
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


def test_a_failed_first_fetch_is_not_retried_by_a_flood() -> None:
    bench = Bench(DOWN, jwks(0))
    for _ in range(10):
        with pytest.raises(Unreachable):
            bench.find()
    assert bench.asked == 1
    bench.clock.advance(FAILURE_PAUSE)
    assert bench.find() == a_key().thumbprint


def test_the_last_good_keys_serve_until_they_are_an_hour_old_when_the_endpoint_fails() -> None:
    bench = Bench(jwks(0), DOWN, DOWN, DOWN)
    bench.find()
    bench.clock.advance(600)
    for _ in range(3):
        assert bench.find() == a_key().thumbprint
    assert bench.asked == 2, "while it rests after a failure nobody waits for the endpoint"
    bench.clock.advance(2999)
    assert bench.find() == a_key().thumbprint
    bench.clock.advance(1)
    with pytest.raises(TransportError):
        bench.find()


def test_keys_grow_too_old_while_they_are_asked_for() -> None:
    bench = Bench(jwks(0))

    def late(request: HttpRequest) -> HttpResponse:
        bench.clock.advance(5)
        raise DOWN

    bench.find()
    bench.clock.advance(3596)
    bench.hand.add([late])
    with pytest.raises(Unreachable):
        bench.find()


def test_how_long_keys_are_believed_is_a_setting() -> None:
    bench = Bench(jwks(0, cache_control="max-age=86400"), DOWN, DOWN, fresh=120, max_age=150)
    bench.find()
    bench.clock.advance(119)
    bench.find()
    assert bench.asked == 1
    bench.clock.advance(1)
    bench.find()
    assert bench.asked == 2
    bench.clock.advance(30)
    with pytest.raises(Unreachable):
        bench.find()


@pytest.mark.parametrize(
    "limits",
    [{"fresh": 59}, {"fresh": 700, "max_age": 600}, {"max_age": 86_401}, {"fresh": float("nan")}],
    ids=str,
)
def test_limits_that_bound_nothing_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="KeyLimits"):
        KeyLimits(**limits)


@pytest.mark.spec("OIDC 10.1.1")
def test_a_withdrawn_key_is_believed_for_ten_minutes_whatever_its_server_said() -> None:
    bench = Bench(jwks(0, 1, cache_control="max-age=86400, immutable"), jwks(1))
    bench.find(0)
    bench.clock.advance(600)
    with pytest.raises(KeyNotFound):
        bench.find(0)


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


def test_two_objects_for_one_uri_each_keep_their_own_keys() -> None:
    one, two = Bench(), Bench()
    asked = [bench.keys.find("ES256", a_key().kid, ID_TOKEN).send(None) for bench in (one, two)]
    assert asked[0].key != asked[1].key  # type: ignore[union-attr]


def test_a_clock_set_back_makes_old_keys_no_younger_while_the_endpoint_fails() -> None:
    bench = Bench(jwks(0), DOWN)
    bench.find(0)
    bench.clock.advance(-3600)
    with pytest.raises(Unreachable):
        bench.find(0)


def test_a_clock_set_back_does_not_keep_old_keys_fresh() -> None:
    bench = Bench(jwks(0, 1), jwks(1))
    bench.find(0)
    bench.clock.advance(-3600)
    assert bench.at_hand() is None
    assert bench.find(1) == a_key("ES256", 1).thumbprint
    assert bench.asked == 2
