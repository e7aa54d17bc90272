"""A process that has just started: what its import takes, and how it answers many connections at once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.loopback.load import a_request, load
from benchmarks.loopback.servers import cpu_of, serving
from benchmarks.rounds import Effort, Figure, Result
from benchmarks.tokens import a_token
from fapikit import PrivateKey

CONNECTIONS = 500
_IMPORT = "import time; before = time.process_time(); import {}; print(time.process_time() - before)"


def measure_cold(effort: Effort) -> Iterator[Result]:
    rounds = 5 if effort.is_quick else 15
    with tempfile.TemporaryDirectory() as compiled:
        for package, target in (("rskit", 0.25), ("rpkit", None), ("askit.server", None), ("httpx", None)):
            import_time(package, compiled)  # it writes the bytecode, as an installation does
            times = Figure.of(import_time(package, compiled) for _ in range(rounds))
            yield Result("cold start", f"import {package}, seconds of CPU time", times, target)
    key = PrivateKey.generate("ES256", kid="k1")
    spent: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(2 if effort.is_quick else 5):
        for app, values in spent.items():
            with serving(key, [app]) as ports:
                port = ports[app]
                requests = [
                    a_request("/accounts", port, {"authorization": f"Bearer {a_token(key)}"})
                    for _ in range(CONNECTIONS)
                ]
                before = cpu_of(port)
                asyncio.run(load(port, requests, connections=CONNECTIONS))
                values.append((cpu_of(port) - before) / 1e6)
    metric = f"the first {CONNECTIONS} connections at once, a new token each: CPU time of the server, ms"
    yield Result(
        "cold start", metric, Figure.of(spent["ours"]), peers={"bare Starlette": Figure.of(spent["bare"])}
    )


def import_time(package: str, compiled: str) -> float:
    """`compiled`: where the bytecode is kept."""
    program = [sys.executable, "-c", _IMPORT.format(package)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = compiled
    done = subprocess.run(program, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)
