"""`make demo`, run as a newcomer would: the whole walk, and nothing secret in what it prints or logs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MESSAGE = re.compile(r"   \d\d \w+ -> \w+ +(GET|POST) +\S+ \d{3} \| .+ \| .+ \| \d+ ms")


@pytest.fixture(scope="module")
def trace() -> str:
    """What the demo prints. ONCE=1: it does not keep serving."""
    run = subprocess.run(
        [sys.executable, "-m", "examples.demo", "--profile", "fapi2-security"],
        cwd=ROOT,
        env={**os.environ, "ONCE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_every_step_passes_and_every_refusal_holds(trace: str) -> None:
    assert trace.splitlines()[-1] == "demo: 8 steps passed, 5 refusals held, 0 failed"


def test_every_message_is_one_line_with_meaning_clause_and_time(trace: str) -> None:
    lines = [line for line in trace.splitlines() if " -> " in line]
    assert len(lines) > 30
    assert [line for line in lines if not MESSAGE.fullmatch(line)] == []


def test_the_trace_says_which_api_introspects(trace: str) -> None:
    assert re.search(r"payments -> bank +POST +/introspect 200", trace)
    assert not re.search(r"accounts -> bank +POST +/introspect", trace)


def test_the_trace_shows_no_secret(trace: str) -> None:
    assert "eyJ" not in trace, "a JWT is shown"
    for name in ("code", "state", "request_uri"):
        assert re.search(rf"[?&]{name}=(?!\*\*\*)", trace) is None, f"the value of {name} is shown"
