"""Runs in an interpreter of its own, patched by gevent before anything else: prints what happened as JSON."""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402

from fapikit import MemoryStore  # noqa: E402
from fapikit.flow import Flow, shared, sleep, store_add  # noqa: E402
from fapikit.io import SyncDriver  # noqa: E402
from fapikit.stores import SqliteStore  # noqa: E402

runs = []


def work() -> Flow[int]:
    runs.append(1)
    yield from sleep(0.1)
    return len(runs)


def ask() -> Flow[int]:
    return (yield from shared("key", work, deadline=5))


def add(store: object) -> Flow[bool]:
    return (yield from store_add(store, "k", b"v", 60))  # type: ignore[arg-type]


driver = SyncDriver()
started = time.monotonic()
greenlets = [gevent.spawn(driver.run, ask()) for _ in range(20)]
gevent.joinall(greenlets)
elapsed = time.monotonic() - started
adds = []
for store in (MemoryStore(), SqliteStore(sys.argv[1])):
    tried = [gevent.spawn(driver.run, add(store)) for _ in range(20)]
    gevent.joinall(tried)
    adds.append(sum(bool(one.value) for one in tried))
    store.close()
said = {
    "values": [one.value for one in greenlets],
    "runs": len(runs),
    "fast": elapsed < 1,
    "adds": adds,
    "threads": threading.active_count() < 40,
}
print(json.dumps(said))
