"""A kid that is not among the keys at hand: a stranger's costs little, and gets no honest one refused (RS-7)."""

from __future__ import annotations

import pytest

from fapikit.errors import (
    KeyNotFound,
    KeyUndecided,
    TransportError,
)
from fapikit.flow import Shared
from fapikit.http_message import HttpRequest, HttpResponse
from fapikit.jose.claims import claimed_iat
from fapikit.jose.purposes import ID_TOKEN
from fapikit.jwks import (
    REFETCH_EVERY,
    REFETCHES_AT_ONCE,
    REFRESH_AHEAD,
    SETTLED_AFTER,
)
from tests.clocks import NOW
from tests.fapikit.remote_keys import DOWN, Bench, jwks
from tests.hands import answer
from tests.keys import a_key


def test_an_unknown_kid_is_asked_for_a_few_times_at_once_and_then_rarely() -> None:
    bench = Bench(*(jwks(0) for _ in range(100)))
    bench.find(0)
    undecided = 0
    for second in range(600):
        for number in range(10):
            with pytest.raises((KeyNotFound, KeyUndecided)) as refused:
                bench.find_kid(f"made up {second} {number}", bench.clock())
            undecided += refused.type is KeyUndecided
        bench.clock.advance(0.1)
    assert bench.asked == 1 + REFETCHES_AT_ONCE + 60 // REFETCH_EVERY - 1
    assert undecided == 6000 - bench.asked + 1
    assert bench.find(0) == a_key().thumbprint, "keys at hand never wait"


@pytest.mark.spec("OIDC 10.1.1")
def test_a_strangers_kid_just_before_a_rotation_costs_the_new_key_nothing() -> None:
    bench = Bench(jwks(0), jwks(0), jwks(0, 1))
    bench.find(0)
    with pytest.raises(KeyNotFound):
        bench.find_kid("made up", bench.clock())
    bench.clock.advance(1)
    assert bench.find(1, bench.clock()) == a_key("ES256", 1).thumbprint


def test_a_stranger_who_guesses_the_next_kid_gets_nobody_refused_who_has_it() -> None:
    bench = Bench(jwks(0), jwks(0), jwks(0, 1))
    bench.find(0)
    with pytest.raises(KeyNotFound):
        bench.find(1, bench.clock())
    bench.clock.advance(1)
    assert bench.find(1, bench.clock()) == a_key("ES256", 1).thumbprint


def test_an_unknown_kid_is_undecided_while_the_bucket_is_empty_and_a_new_key_is_found_soon() -> None:
    bench = Bench(jwks(0), *(jwks(0) for _ in range(REFETCHES_AT_ONCE)))
    bench.find(0)
    for number in range(REFETCHES_AT_ONCE):
        with pytest.raises(KeyNotFound):
            bench.find_kid(f"made up {number}", bench.clock())
    with pytest.raises(KeyUndecided) as undecided:
        bench.find(1, bench.clock())
    assert undecided.value.facts == {"kid": a_key("ES256", 1).kid}
    bench.clock.advance(REFETCH_EVERY)
    bench.hand.add([jwks(0, 1)])
    with pytest.raises(KeyNotFound):
        bench.find_kid("made up", bench.clock())
    assert bench.find(1, bench.clock()) == a_key("ES256", 1).thumbprint, "the stranger's refetch brought it"


def test_what_is_not_used_of_the_bucket_is_not_saved_up() -> None:
    bench = Bench(*(jwks(0) for _ in range(20)), fresh=86_400.0, max_age=86_400.0)
    bench.find(0)
    bench.clock.advance(600 * REFRESH_AHEAD - 1)
    kinds = []
    for number in range(10):
        with pytest.raises((KeyNotFound, KeyUndecided)) as refused:
            bench.find_kid(f"made up {number}", bench.clock())
        kinds.append(refused.type)
    assert kinds == [KeyNotFound] * REFETCHES_AT_ONCE + [KeyUndecided] * (10 - REFETCHES_AT_ONCE)


def test_a_set_that_is_five_minutes_newer_than_a_jwt_decides_about_it() -> None:
    """Else, after a key was withdrawn, clients with tokens of it would be told to come again, for ever."""
    bench = Bench(jwks(0))
    bench.find(0)
    for _ in range(10):
        with pytest.raises(KeyNotFound):
            bench.find_kid("old", NOW - SETTLED_AFTER)
    assert bench.asked == 1
    bench.hand.add([jwks(0)])
    with pytest.raises(KeyNotFound):
        bench.find_kid("old", NOW - SETTLED_AFTER + 1)
    assert bench.asked == 2


def test_a_kid_that_was_withdrawn_is_refused_without_another_look() -> None:
    bench = Bench(jwks(0, 1), jwks(1), jwks(1), jwks(0, 1))
    bench.find(0)
    bench.clock.advance(600)
    bench.find(1)
    for issued_at in (None, bench.clock() - 1, bench.clock()):
        with pytest.raises(KeyNotFound):
            bench.find(0, issued_at)
    assert bench.asked == 2
    # What is said to be signed later may be: by a server that has its key back.
    bench.clock.advance(1)
    with pytest.raises(KeyNotFound):
        bench.find(0, bench.clock())
    assert bench.asked == 3
    bench.clock.advance(1)
    assert bench.find(0, bench.clock()) == a_key().thumbprint
    bench.find(0)
    assert bench.keys._withdrawn == frozenset()


def test_the_withdrawn_kids_that_are_remembered_are_few() -> None:
    def a_set(number: int) -> HttpResponse:
        jwk = dict(a_key("ES256", 0).public_jwk)
        return answer({"keys": [{**jwk, "kid": f"{number}-{n}"} for n in range(100)]})

    bench = Bench(*(a_set(number) for number in range(10)))
    for number in range(10):
        bench.find_kid(f"{number}-0")
        bench.clock.advance(600)
    assert 0 < len(bench.keys._withdrawn) <= 256


def test_what_was_fetched_for_this_very_jwt_decides_about_it() -> None:
    bench = Bench(jwks(0))
    with pytest.raises(KeyNotFound):
        bench.find(1)
    assert bench.asked == 1


@pytest.mark.parametrize("iat", ["yesterday", True, None, [], {}])
def test_an_iat_that_is_no_time_says_nothing(iat: object) -> None:
    assert claimed_iat({"iat": iat}) is None
    assert claimed_iat({"iat": 5}) == 5.0


def test_an_answer_that_was_on_its_way_when_a_jwt_came_does_not_decide_about_it() -> None:
    bench = Bench(jwks(0))
    bench.find(0)
    earlier = bench.keys.find("ES256", "made up", ID_TOKEN)
    fetch = earlier.send(None)
    assert isinstance(fetch, Shared)
    fetching = fetch.start()
    fetching.send(None)  # the server has been asked, and has not yet rotated
    later = bench.keys.find("ES256", a_key("ES256", 1).kid, ID_TOKEN)
    joined = later.send(None)
    assert isinstance(joined, Shared)
    assert joined.key == fetch.key
    with pytest.raises(StopIteration) as old:
        fetching.send(jwks(0))
    again = later.send(old.value.value)
    assert isinstance(again, Shared), "it is asked for once more"
    bench.hand.add([jwks(0, 1)])
    with pytest.raises(StopIteration) as found:
        later.send(bench.hand.run(again.start()))
    assert found.value.value.kid == a_key("ES256", 1).kid
    with pytest.raises(KeyNotFound):
        earlier.send(old.value.value)


def test_who_waits_for_a_slow_answer_is_served_from_a_newer_one() -> None:
    bench = Bench(jwks(0))
    bench.find(0)
    waiting = bench.keys.find("ES256", a_key("ES256", 1).kid, ID_TOKEN)
    joined = waiting.send(None)
    assert isinstance(joined, Shared)
    slow = joined.start()
    slow.send(None)
    bench.hand.add([jwks(0, 1)])
    bench.hand.run(bench.keys._fetch())  # another event loop's
    with pytest.raises(StopIteration) as old:
        slow.send(jwks(0))
    with pytest.raises(StopIteration) as found:
        waiting.send(old.value.value)
    assert found.value.value.kid == a_key("ES256", 1).kid


def test_a_set_that_a_cache_on_the_way_kept_decides_about_nothing_newer() -> None:
    bench = Bench(jwks(0), jwks(0, age="1"))
    bench.find(0)
    bench.clock.advance(60)
    with pytest.raises(KeyUndecided):
        bench.find(1, bench.clock())
    assert bench.asked == 2
    for issued_at in (bench.clock() - 1 - SETTLED_AFTER, 0):
        with pytest.raises(KeyNotFound):
            bench.find(1, issued_at)
    assert bench.asked == 2
    bench.hand.add([jwks(0, age="86400")])
    with pytest.raises(KeyUndecided):
        bench.find(1, bench.clock() - SETTLED_AFTER)
    bench.hand.add([jwks(0, age="0")])
    with pytest.raises(KeyNotFound):
        bench.find(1, bench.clock())


def test_of_many_who_come_at_once_one_takes_from_the_bucket() -> None:
    bench = Bench(jwks(0))
    bench.find(0)
    flows = [bench.keys.find("ES256", a_key("ES256", 1).kid, ID_TOKEN) for _ in range(50)]
    asked = [flow.send(None) for flow in flows]
    assert len({effect.key for effect in asked if isinstance(effect, Shared)}) == 1
    bench.hand.add([jwks(0, 1)])
    outcome = bench.hand.run(asked[0].start())  # type: ignore[union-attr]
    for flow in flows:
        with pytest.raises(StopIteration):
            flow.send(outcome)
    assert bench.asked == 2
    assert [bench.keys._refetches.take(bench.clock()) for _ in range(4)] == [True] * 3 + [False]


def test_a_refetch_that_nobody_ended_holds_no_key_back() -> None:
    """In a child that was forked meanwhile, say."""
    bench = Bench(jwks(0))
    bench.find(0)
    lost = bench.keys.find("ES256", "made up", ID_TOKEN)
    begun = lost.send(None)
    assert isinstance(begun, Shared)
    begun.start().send(None)
    bench.hand.add([jwks(0, 1)])
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


def test_an_unknown_kid_while_the_endpoint_is_down_cannot_be_decided() -> None:
    bench = Bench(jwks(0), DOWN)
    bench.find(0)
    for _ in range(3):
        with pytest.raises(TransportError):
            bench.find(1)
    assert bench.asked == 2
    assert bench.find(0) == a_key().thumbprint


def test_keys_at_hand_never_wait_for_a_refetch() -> None:
    def untouchable(request: HttpRequest) -> HttpResponse:
        raise AssertionError(request)

    bench = Bench(jwks(0), untouchable)
    bench.find(0)
    unknown = bench.keys.find("ES256", "unknown", ID_TOKEN)
    assert isinstance(unknown.send(None), Shared)
    assert bench.find(0) == a_key().thumbprint
    unknown.close()


def test_a_clock_set_back_does_not_keep_new_keys_out() -> None:
    bench = Bench(jwks(0), jwks(0), jwks(0, 1))
    bench.find(0)
    with pytest.raises(KeyNotFound):
        bench.find(1)
    bench.clock.advance(-3600)
    assert bench.find(1) == a_key("ES256", 1).thumbprint
