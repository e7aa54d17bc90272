"""Starts server processes, and asks them how much CPU time they have used."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from fapikit import PrivateKey


@contextmanager
def serving(key: PrivateKey, apps: Mapping[str, Sequence[str]]) -> Iterator[dict[str, int]]:
    """Starts each app, by the name of a contender, with its name in `apps` and what else it is given. The ports."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "key.json"
        file.write_text(json.dumps(key.to_private_jwk()))
        running = {
            name: subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "benchmarks.loopback.apps", app, str(file), *more],
                stdout=subprocess.PIPE,
                text=True,
            )
            for name, (app, *more) in apps.items()
        }
        try:
            yield {name: _port(process) for name, process in running.items()}
        finally:
            for process in running.values():
                process.terminate()
            for process in running.values():
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def cpu_of(port: int) -> int:
    """Nanoseconds that the process of this server has used."""
    with urlopen(f"http://127.0.0.1:{port}/cpu", timeout=30) as answer:
        return int(answer.read())
