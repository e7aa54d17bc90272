"""Starts server processes, and asks them how much CPU time they have used."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from fapikit import PrivateKey


@contextmanager
def serving(key: PrivateKey, apps: Iterable[str]) -> Iterator[dict[str, int]]:
    """Starts a server process for each app of `apps`. Their ports."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "key.json"
        file.write_text(json.dumps(key.to_private_jwk()))
        running = {
            app: subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", f"benchmarks.loopback.{_module(app)}", app, str(file)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for app in dict.fromkeys(apps)
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


def _module(app: str) -> str:
    return "wsgi_apps" if app.startswith("flask") else "apps"


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def cpu_of(port: int) -> int:
    """Nanoseconds that the process of this server has used."""
    with urlopen(f"http://127.0.0.1:{port}/cpu", timeout=30) as answer:
        return int(answer.read())
