"""The bounded memory store, sealing, and stores from a line of configuration."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit.errors import ConfigurationError, SealBroken, StoreFull, StoreUnavailable
from fapikit.stores import MemoryStore, RedisStore, Seal, SealedStore, SqliteStore, store_from_url
from tests.clocks import FrozenClock
from tests.forks import in_child

OLD, NEW = b"o" * 32, b"n" * 40


def test_a_full_store_refuses_and_forgets_nothing() -> None:
    clock = FrozenClock()
    store = MemoryStore(max_entries=3, clock=clock)
    for key in "abc":
        assert store.add(key, b"1", 60)
    for write in (store.put, store.add):
        with pytest.raises(StoreFull):
            write("d", b"1", 60)
    with pytest.raises(StoreFull):
        store.swap("d", None, b"1", 60)
    assert [store.get(key) for key in "abcd"] == [b"1", b"1", b"1", None]
    store.put("a", b"2", 60)
    assert store.swap("b", b"1", b"2", 60)
    clock.advance(61)
    assert store.add("d", b"1", 60)
    assert len(store) == 1


def test_room_is_made_of_what_expired_even_if_it_was_rewritten() -> None:
    clock = FrozenClock()
    store = MemoryStore(max_entries=2, clock=clock)
    store.put("a", b"1", 10)
    store.put("a", b"2", 100)
    store.put("b", b"1", 10)
    clock.advance(11)
    store.put("c", b"1", 100)
    assert store.get("a") == b"2"
    with pytest.raises(StoreFull):
        store.put("d", b"1", 100)


def test_an_entry_makes_room_at_the_instant_it_ends() -> None:
    clock = FrozenClock()
    store = MemoryStore(max_entries=1, clock=clock)
    assert store.add("a", b"1", 10)
    clock.advance(10)
    assert store.add("b", b"1", 10)


def test_a_store_that_is_full_of_octets_refuses_and_forgets_nothing() -> None:
    clock = FrozenClock()
    store = MemoryStore(max_octets=1000, clock=clock)
    assert store.add("a", b"v" * 599, 60)
    for write in (store.put, store.add):
        with pytest.raises(StoreFull):
            write("b", b"v" * 400, 60)
    with pytest.raises(StoreFull):
        store.swap("a", b"v" * 599, b"v" * 1000, 60)
    assert store.get("a") == b"v" * 599
    assert store.add("b", b"v" * 399, 60), "to the last octet"
    with pytest.raises(StoreFull):
        store.add("c", b"", 60)
    store.put("a", b"v" * 599, 60)  # what takes the place of as much fits
    assert store.take("b") == b"v" * 399
    assert store.add("c", b"v" * 399, 60), "what was taken has left its room"
    clock.advance(61)
    assert store.add("d", b"v" * 999, 60), "and so has what ended"


def test_a_child_is_not_stopped_by_a_lock_its_parent_held() -> None:
    store = MemoryStore()
    store.put("k", b"v", 60)
    with store._lock:
        assert in_child(lambda: store.get("k") == b"v")


def test_shows_numbers_only() -> None:
    store = MemoryStore()
    store.put("secret-key", b"secret-value", 60)
    assert "secret" not in repr(store)


# --- sealing ---------------------------------------------------------------------------------------


@given(st.binary(max_size=200), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_what_is_sealed_opens(value: bytes, context: str) -> None:
    seal = Seal([NEW])
    assert seal.open(seal.seal(value, context), context) == value
    assert seal.open_text(seal.seal_text(value, context), context) == value


def test_the_same_value_is_sealed_differently_each_time() -> None:
    seal = Seal([NEW])
    assert seal.seal(b"v", "c") != seal.seal(b"v", "c")
    assert b"secret-value" not in seal.seal(b"secret-value", "c")


def test_the_newest_key_seals_and_every_key_opens() -> None:
    old = Seal([OLD]).seal(b"v", "c")
    both = Seal([NEW, OLD])
    assert both.open(old, "c") == b"v"
    assert Seal([NEW]).open(both.seal(b"v", "c"), "c") == b"v"
    with pytest.raises(SealBroken, match="no key of this Seal"):
        Seal([NEW]).open(old, "c")


def test_every_altered_octet_breaks_the_seal() -> None:
    seal = Seal([NEW])
    sealed = seal.seal(b"value", "c")
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(SealBroken):
            seal.open(bytes(altered), "c")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            seal.open(sealed[:length], "c")
    with pytest.raises(SealBroken):
        seal.open(sealed + b"\0", "c")


def test_a_seal_holds_in_its_own_place_only() -> None:
    seal = Seal([NEW])
    with pytest.raises(SealBroken):
        seal.open(seal.seal(b"v", "cookie"), "other cookie")


@pytest.mark.parametrize("text", ["", "AA", "not base64url!", "é", "=" * 60, "A" * 60])
def test_text_that_is_no_seal_is_refused(text: str) -> None:
    with pytest.raises(SealBroken):
        Seal([NEW]).open_text(text, "c")


@pytest.mark.spec("FAPI2-SP 5.4.1-4")
@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, b"x" * 31]])
def test_weak_keys_are_refused(keys: list[bytes]) -> None:
    with pytest.raises(ConfigurationError):
        Seal(keys)


def test_the_inner_store_sees_sealed_values_and_values_cannot_change_places() -> None:
    inner = MemoryStore()
    store = SealedStore(inner, Seal([NEW]))
    store.put("a", b"secret-value", 60)
    stolen = inner.get("a")
    assert stolen is not None
    assert b"secret" not in stolen
    inner.put("b", stolen, 60)
    with pytest.raises(SealBroken):
        store.get("b")
    assert "nnn" not in repr(store)


def test_swap_holds_across_a_rotation_of_keys() -> None:
    inner = MemoryStore()
    SealedStore(inner, Seal([OLD])).put("k", b"v", 60)
    rotated = SealedStore(inner, Seal([NEW, OLD]))
    assert rotated.swap("k", b"v", b"w", 60)
    assert SealedStore(inner, Seal([NEW])).get("k") == b"w"


class Restless(MemoryStore):
    """Between each look and each write somebody else writes: the same value again, or another."""

    def __init__(self, seal: Seal, values: list[bytes]) -> None:
        super().__init__()
        self.seal, self.values = seal, values

    def get(self, key: str) -> bytes | None:
        found = super().get(key)
        if self.values:
            self.put(key, self.seal.seal(self.values.pop(0), key), 60)
        return found


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize(
    "values, outcome", [([b"v"], True), ([b"v"] * 5, True), ([b"other"], False), ([b"v", b"other"], False)]
)
def test_swap_looks_again_when_the_same_value_was_written_anew(
    face: str, values: list[bytes], outcome: bool
) -> None:
    seal = Seal([NEW])
    store = SealedStore(Restless(seal, list(values)), seal)
    store.put("k", b"v", 60)
    run: Any = store.swap if face == "sync" else lambda *a: asyncio.run(store.aswap(*a))
    assert run("k", b"v", b"new", 60) is outcome
    assert store.get("k") == (b"new" if outcome else b"other")


@pytest.mark.parametrize("face", ["sync", "async"])
def test_swap_gives_up_when_it_never_comes_to_rest(face: str) -> None:
    seal = Seal([NEW])
    store = SealedStore(Restless(seal, [b"v"] * 100), seal)
    store.put("k", b"v", 60)
    run: Any = store.swap if face == "sync" else lambda *a: asyncio.run(store.aswap(*a))
    with pytest.raises(StoreUnavailable):
        run("k", b"v", b"new", 60)


# --- from a line of configuration --------------------------------------------------------------------


def test_a_line_of_configuration_bounds_the_octets_of_a_store(tmp_path: Path, valkey_url: str) -> None:
    for url in ("memory:", f"sqlite:///{tmp_path}/a.db"):
        store: Any = store_from_url(url, max_octets=100_000)
        with pytest.raises(StoreFull):
            store.put("k", b"v" * 100_000, 60)
        store.put("k", b"v" * 10_000, 60)
        store.close()
    with pytest.raises(ConfigurationError, match="maxmemory"):
        store_from_url(valkey_url, max_octets=100_000)


def test_a_store_is_made_from_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, valkey_url: str) -> None:
    assert isinstance(store_from_url("memory:"), MemoryStore)
    assert isinstance(store_from_url(valkey_url), RedisStore)
    absolute = store_from_url(f"sqlite:///{tmp_path}/a.db")
    absolute.put("k", b"v", 60)
    assert (tmp_path / "a.db").exists()
    monkeypatch.chdir(tmp_path)
    relative = store_from_url("sqlite:///b.db")
    relative.put("k", b"v", 60)
    assert (tmp_path / "b.db").exists()
    for store in (absolute, relative):
        assert isinstance(store, SqliteStore)
        store.close()


@pytest.mark.parametrize(
    "url", ["", "memory", "sqlite://x.db", "sqlite:///", "postgres://u:secret@h/db", "redis:/x"]
)
def test_an_unknown_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        store_from_url(url)
    assert "secret" not in f"{refused.value} {dict(refused.value.facts)}"
