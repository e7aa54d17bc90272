"""A few at once, and then one for every span; a clock that is set back takes nothing away."""

from __future__ import annotations

from fapikit.token_bucket import TokenBucket
from tests.clocks import NOW


def taken(bucket: TokenBucket, now: float) -> int:
    return sum(bucket.take(now) for _ in range(100))


def test_a_few_at_once_and_then_one_for_every_span() -> None:
    bucket = TokenBucket(4, 15)
    assert taken(bucket, NOW) == 4
    assert taken(bucket, NOW + 14) == 0
    assert taken(bucket, NOW + 15) == 1
    assert taken(bucket, NOW + 50) == 2
    assert taken(bucket, NOW + 86_400) == 4


def test_a_clock_set_back_makes_it_full() -> None:
    bucket = TokenBucket(4, 15)
    assert taken(bucket, NOW) == 4
    assert taken(bucket, NOW - 3600) == 4
    assert taken(bucket, NOW - 3600) == 0


def test_what_costs_more_than_one_waits_longer() -> None:
    bucket = TokenBucket(10, 2)
    assert bucket.wait(NOW, 10) == 0
    bucket.count(NOW, 8)
    assert (bucket.wait(NOW, 2), bucket.wait(NOW, 5)) == (0, 6)
    bucket.count(NOW, 5)  # it was done in spite of that
    assert (bucket.wait(NOW), bucket.wait(NOW + 2)) == (2, 0), "emptier than empty it never is"


def test_a_thread_that_is_a_little_late_does_not_fill_it() -> None:
    bucket = TokenBucket(4, 15)
    assert taken(bucket, NOW) == 4
    assert taken(bucket, NOW - 0.01) == 0


def test_it_shows_what_it_allows() -> None:
    assert repr(TokenBucket(4, 15)) == "TokenBucket(4 at once, one in 15 s)"
