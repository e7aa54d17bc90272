"""A mark on what lives longer than a lost one is waited out: a store that forgot after it was made cannot know."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fapikit.errors import StoreError, StoreForgot
from fapikit.flow import store_add
from fapikit.io import AsyncDriver, SyncDriver
from fapikit.stores import MemoryStore, Seal, SealedStore, SqliteStore
from fapikit.stores.identity import NEVER, REPLAY_WINDOW, require_memory
from tests.clocks import FrozenClock


def forgetful(path: Path, clock: FrozenClock) -> SqliteStore:
    """A store that forgot just now, and whose marks of proofs have been waited out."""
    store = SqliteStore(path, clock=clock)
    store.put("k", b"v", 60)
    path.unlink()
    with pytest.raises(StoreError):
        store.get("k")
    clock.advance(REPLAY_WINDOW)
    return store


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("is_sealed", [False, True])
def test_what_was_made_before_the_store_forgot_is_not_marked(
    face: str, is_sealed: bool, tmp_path: Path
) -> None:
    clock = FrozenClock()
    inner = forgetful(tmp_path / "s.db", clock)
    store: Any = SealedStore(inner, Seal([b"k" * 32])) if is_sealed else inner
    forgot_at = clock() - REPLAY_WINDOW

    def add(key: str, since: float | None) -> bool:
        flow = store_add(store, key, b"1", 9000, since=since)
        return SyncDriver().run(flow) if face == "sync" else asyncio.run(AsyncDriver().run(flow))

    for since in (forgot_at, forgot_at - 1000):
        with pytest.raises(StoreForgot):
            add("consent", since)
    assert store.get("consent") is None
    assert add("consent", forgot_at + 0.1) is True
    assert add("consent", None) is False
    inner.close()


def test_a_process_that_has_just_begun_learns_it_with_its_first_mark(tmp_path: Path) -> None:
    clock = FrozenClock()
    forgetful(tmp_path / "s.db", clock).close()
    fresh = SqliteStore(tmp_path / "s.db", clock=clock)
    with pytest.raises(StoreForgot):
        SyncDriver().run(store_add(fresh, "consent", b"1", 9000, since=clock() - REPLAY_WINDOW - 1))
    fresh.close()


@pytest.mark.parametrize("store", [MemoryStore(), object()], ids=["memory", "a team's own"])
def test_a_store_that_never_forgot_knows_everything(store: object) -> None:
    require_memory(store, 0.0)
    require_memory(store, NEVER)
    require_memory(store, None)
