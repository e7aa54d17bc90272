"""`kill -9` of a device that waits: another process gets the tokens, and no process gets them twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from askit.pytest_plugin.running import RunningServer

ROOT = Path(__file__).parents[3]


@pytest.fixture
def askit_settings() -> Mapping[str, Any]:
    return {"polling_interval": 1}


@pytest.fixture(params=["sqlite", "valkey"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'device.db'}"
    return str(request.getfixturevalue("valkey_url"))


def program(given: Mapping[str, Any], *, begin: bool) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tests.rpkit.decoupled.device_program",
        json.dumps({**given, "begin": begin}),
    ]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=30)
    return output.strip()


@pytest.mark.parametrize("decided", ["before", "after"])
def test_another_process_goes_on(askit: RunningServer[Any], store: str, tmp_path: Path, decided: str) -> None:
    given = {
        "issuer": askit.issuer,
        "client_id": askit.client_id,
        "key": askit.client_key.to_pem().decode(),
        "ca": str(askit.ca),
        "store": store,
        "kept": str(tmp_path / "kept"),
    }
    with program(given, begin=True) as killed:
        assert killed.stdout is not None
        user_code = killed.stdout.readline().strip()
        killed.send_signal(signal.SIGSTOP)  # so that it cannot poll between the decision and its end
        if decided == "before":
            askit.decide_device(user_code)
        killed.kill()
    assert killed.wait() == -9
    kept = (tmp_path / "kept").read_text()
    assert user_code not in kept
    with program(given, begin=False) as first:
        if decided == "after":
            askit.decide_device(user_code)
        told = said(first)
    with program(given, begin=False) as second:
        assert said(second) == "RequestEnded"
    assert told not in ("", "RequestEnded")
    assert told.isprintable()
