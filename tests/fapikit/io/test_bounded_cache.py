"""What a full cache forgets: what has ended, where it can tell, then the oldest."""

from __future__ import annotations

from fapikit.io.bounded_cache import LOOKED_AT_FOR_ROOM, BoundedCache
from fapikit.shards import SHARD


def test_it_holds_no_more_than_it_may_and_forgets_the_oldest() -> None:
    cache = BoundedCache[int, str](10)
    for number in range(25):
        cache.put(number, "value", 0.0)
        assert len(cache) <= 10
    assert cache.get(24) == "value"
    assert cache.get(0) is None


def test_a_rewritten_entry_is_young_again() -> None:
    cache = BoundedCache[int, str](10)
    for number in range(10):
        cache.put(number, "value", 0.0)
    cache.put(0, "again", 0.0)
    cache.put(10, "value", 0.0)
    assert cache.get(0) == "again"
    assert cache.get(1) is None


def test_what_has_ended_goes_before_what_is_old() -> None:
    cache = BoundedCache[str, float](10, lambda until, now: now >= until)
    cache.put("old", 100.0, 0.0)
    for number in range(9):
        cache.put(f"short {number}", 5.0, 0.0)
    cache.put("new", 100.0, 6.0)
    assert [cache.get("old"), cache.get("new"), cache.get("short 8")] == [100.0, 100.0, None]
    assert len(cache) == 2


def test_an_entry_is_dropped_only_while_it_is_the_one_that_was_meant() -> None:
    cache = BoundedCache[str, list[int]](10)
    first, second = [1], [1]
    cache.put("k", first, 0.0)
    cache.drop("k", second)
    assert cache.get("k") is first
    cache.drop("k", first)
    assert cache.get("k") is None


def test_a_write_to_a_large_cache_touches_few_entries() -> None:
    looked_at = 0

    def expired(_value: str, _now: float) -> bool:
        nonlocal looked_at
        looked_at += 1
        return False

    most = 10 * SHARD
    cache = BoundedCache[str, str](most, expired)
    gone = 0
    for number in range(2 * most):
        looked_at, before = 0, len(cache)
        cache.put(f"key {number}", "value", 0.0)
        gone = max(gone, before - len(cache))
        assert looked_at <= LOOKED_AT_FOR_ROOM
    assert 0.8 * most < len(cache) <= most
    assert 0 < gone <= SHARD // 10 + 1
    assert cache.get(f"key {2 * most - 1}") == "value"
