"""One of several processes that reach for the same keys: `python -m tests.fapikit.stores.contender URL THREADS SEALED`.

Waits for a line on its standard input, runs every round in THREADS threads at once, half of them through the async
face, and prints how many of its threads won each round.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable

from fapikit.stores import Seal, SealedStore, Store, store_from_url

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


def main(say: Callable[[str], None] = lambda line: print(line, flush=True)) -> None:
    url, threads, seal = sys.argv[1:]
    inner = store_from_url(url)
    store = sealed(inner, seal == "sealed")
    say("ready")
    sys.stdin.readline()
    say(" ".join(str(wins_of(store, round_, int(threads))) for round_ in ROUNDS))
    inner.close()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
