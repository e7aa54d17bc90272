"""Threads that all reach for the same keys at once, half of them through the async face."""

from __future__ import annotations

import asyncio
import threading

from fapikit.stores import Seal, SealedStore, Store

SEAL_KEY = b"k" * 32
ROUNDS = ("add", "take", "swap", "create")


def reach(store: Store, round_: str, face: str, mark: bytes) -> bool:
    """Try to win one round."""
    key = f"contended-{round_}"
    if face == "sync":
        if round_ == "take":
            return store.take(key) is not None
        if round_ == "add":
            return store.add(key, mark, 60)
        return store.swap(key, b"old" if round_ == "swap" else None, mark, 60)
    return asyncio.run(_areach(store, round_, key, mark))


async def _areach(store: Store, round_: str, key: str, mark: bytes) -> bool:
    try:
        if round_ == "take":
            return await store.atake(key) is not None
        if round_ == "add":
            return await store.aadd(key, mark, 60)
        return await store.aswap(key, b"old" if round_ == "swap" else None, mark, 60)
    finally:
        aclose = getattr(store, "aclose", None)
        if aclose is not None:
            await aclose()


def wins_of(store: Store, round_: str, threads: int) -> int:
    """How many of so many threads, all let go at once, win this round."""
    barrier = threading.Barrier(threads)
    won: list[bool] = []

    def run(number: int) -> None:
        barrier.wait()
        won.append(reach(store, round_, "sync" if number % 2 else "async", b"winner-%d" % number))

    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(won) == threads
    return sum(won)


def sealed(store: Store, wanted: bool) -> Store:
    return SealedStore(store, Seal([SEAL_KEY])) if wanted else store
