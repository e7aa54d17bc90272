"""Entries in memory: how few of them one operation touches, whatever there are, and that none is let go too early."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit.errors import StoreFull
from fapikit.stores import MemoryStore, entries
from fapikit.stores.entries import Entries
from tests.clocks import FrozenClock

MANY = 20_000


class Touched:
    """Counts the ends that are moved, and the entries that are gone, since it was last asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
        self._store = store
        self._moved = 0
        for name in ("heappush", "heappop", "heapify"):
            monkeypatch.setattr(entries, name, self._counted(getattr(entries, name), name))

    def _counted(self, original: Callable[..., object], name: str) -> Callable[..., object]:
        def counted(heap: list[tuple[float, str]], *arguments: object) -> object:
            self._moved += len(heap) if name == "heapify" else 1
            return original(heap, *arguments)

        return counted

    def by(self, operation: Callable[[], object]) -> int:
        self._moved, before = 0, len(self._store)
        operation()
        return self._moved + max(before - len(self._store), 0)


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> tuple[MemoryStore, FrozenClock, Touched]:
    """A store full of marks that end one after another."""
    clock = FrozenClock()
    store = MemoryStore(max_entries=MANY, clock=clock)
    for number in range(MANY):
        store.add(f"mark {number}", b"1", 60 + number / MANY)
    return store, clock, Touched(monkeypatch, store)


def test_no_operation_touches_more_than_a_few_of_the_entries_that_have_ended(
    crowded: tuple[MemoryStore, FrozenClock, Touched],
) -> None:
    store, clock, touched = crowded
    clock.advance(1000)
    operations: list[Callable[[], object]] = [
        lambda: store.get("mark 1"),
        lambda: store.take("mark 2"),
        lambda: store.put("mark 3", b"2", 60),
        lambda: store.swap("mark 4", None, b"2", 60),
        lambda: store.add("mark 5", b"2", 60),
        store.sweep,
    ]
    assert max(touched.by(operation) for operation in operations) <= 2 * entries.ENDS_AT_ONCE
    for number in range(MANY - 3):
        assert (
            touched.by(lambda number=number: store.add(f"new {number}", b"1", 60)) <= 2 * entries.ENDS_AT_ONCE
        )
    assert len(store) <= MANY


def test_what_ends_is_let_go_at_the_pace_of_what_comes(
    crowded: tuple[MemoryStore, FrozenClock, Touched],
) -> None:
    store, clock, _ = crowded
    clock.advance(1000)
    for number in range(MANY // 2):
        store.add(f"new {number}", b"1", 60)
    assert len(store) < MANY // 2 * 1.2


def test_a_full_store_looks_at_few_entries_before_it_says_so(
    crowded: tuple[MemoryStore, FrozenClock, Touched],
) -> None:
    store, _, touched = crowded

    def add() -> None:
        with pytest.raises(StoreFull):
            store.add("one more", b"1", 60)

    assert touched.by(add) == 0


def test_a_key_that_is_rewritten_or_taken_over_and_over_leaves_little_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore(clock=FrozenClock())
    touched = Touched(monkeypatch, store)
    for number in range(2000):
        assert touched.by(lambda number=number: store.put("k", b"1", 5000 - number)) < 100
        assert touched.by(lambda: store.take("k")) <= 1
    ends = sum(len(shard.ends) for shard in store._entries._shards)
    assert ends < 100


def test_a_key_that_gets_a_later_end_each_time_keeps_one() -> None:
    clock = FrozenClock()
    store = MemoryStore(clock=clock)
    for _ in range(2000):
        clock.advance(1)
        store.put("k", b"1", 60)
    assert sum(len(shard.ends) for shard in store._entries._shards) == 1
    clock.advance(59)
    store.put("other", b"1", 60)
    assert store.get("k") == b"1"


def test_an_entry_makes_room_at_its_end_though_many_others_were_prolonged() -> None:
    clock = FrozenClock()
    store = MemoryStore(max_entries=500, clock=clock)
    for number in range(499):
        store.put(f"k{number}", b"1", 10)
        store.put(f"k{number}", b"2", 1000)
    store.put("short", b"1", 10)
    clock.advance(10)
    assert store.add("new", b"1", 10)
    assert sum(store.get(f"k{number}") == b"2" for number in range(499)) == 499


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(1, 5), st.integers(0, 3), st.booleans()),
        max_size=60,
    )
)
def test_it_is_a_mapping_whose_sums_are_right_and_that_never_loses_what_lives(
    steps: list[tuple[str, int, int, bool]],
) -> None:
    kept, model, now = Entries(4), dict[str, tuple[bytes, float]](), 0.0
    for key, life, pause, is_removed in steps:
        now += pause
        if is_removed and key in kept:
            del kept[key]
            model.pop(key)
        else:
            kept.write(key, (b"v" * life, now + life), now)
            model[key] = (b"v" * life, now + life)
        kept.sweep(now)
        model = {name: entry for name, entry in model.items() if entry[1] > now}
        assert {name: entry for name, entry in kept.items() if entry[1] > now} == model
        assert len(kept) == len(list(kept))
        assert kept.octets == sum(len(name) + len(value) for name, (value, _) in kept.items())
        assert len(kept) == len(model), "what has ended is gone after a sweep"


def test_no_dict_in_it_is_large_enough_to_stop_the_process_when_it_grows() -> None:
    store = MemoryStore(max_entries=200_000)
    for number in range(200_000):
        store.add(f"mark {number}", b"1", 60)
    assert max(len(shard.entries) for shard in store._entries._shards) < 2000
