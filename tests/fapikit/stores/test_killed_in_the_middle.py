"""A process that is killed in the middle of a sequence leaves all of it or nothing, in SQLite and in Redis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fapikit.stores import store_from_url

FILLING = """
import sys
from fapikit.stores import store_from_url
from fapikit.stores.together import Operation, together

_, url, name = sys.argv
store = store_from_url(url)
for number in range(10**6):
    kept = [Operation("put", f"{name} kept {number} {part}", b"v" * 500, 600) for part in range(8)]
    last = Operation("take", f"{name} kept {number - 1} 0")
    together(store, [Operation("add", f"{name} mark {number}", b"1", 600), *kept, last])
    print(number, flush=True)
"""


@pytest.mark.parametrize("kind", ["SQLite", "Redis"])
@pytest.mark.parametrize("sequences", [20, 33, 50])
def test_a_mark_stands_with_all_that_it_guards_or_nothing_does(
    kind: str, sequences: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/store.db" if kind == "SQLite" else request.getfixturevalue("valkey_url")
    name = f"killed after {sequences}:"
    with subprocess.Popen([sys.executable, "-c", FILLING, url, name], stdout=subprocess.PIPE) as filling:
        assert filling.stdout is not None
        for _ in range(sequences):
            filling.stdout.readline()
        filling.kill()
    store = store_from_url(url)
    done = 0
    while store.get(f"{name} mark {done}") is not None:
        assert all(store.get(f"{name} kept {done} {part}") for part in range(1, 8))
        done += 1
    assert done >= sequences
    assert store.get(f"{name} kept {done - 1} 0") is not None
    assert store.get(f"{name} kept {done - 2} 0") is None
    assert not any(store.get(f"{name} kept {done} {part}") for part in range(8))
    store.close()
