"""Entries lie evenly in dicts of bounded size, and are found again."""

from __future__ import annotations

import pytest

from fapikit.shards import SHARD, Shards


@pytest.mark.parametrize("expected", [1, SHARD, SHARD + 1, 3 * SHARD, 1_000_000])
def test_no_dict_gets_much_more_than_its_part(expected: int) -> None:
    shards = Shards[str, int](expected)
    for number in range(expected // 4):
        shards.of(f"key {number}")[f"key {number}"] = number
    sizes = [len(entries) for entries in shards._dicts]
    assert len(shards) == sum(sizes) == expected // 4
    assert max(sizes) <= SHARD // 4 * 1.2
    assert all(shards.get(f"key {number}") == number for number in range(expected // 4))
    assert shards.get("another") is None


def test_a_small_mapping_is_one_dict() -> None:
    shards = Shards[str, int](10_000)
    assert shards.count == 1
    assert shards.get.__self__ is shards.of("any")  # type: ignore[attr-defined]
