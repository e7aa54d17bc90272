"""Importing a role loads no framework and no part that only some applications use, even where all are installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    *("starlette", "fastapi", "pydantic", "uvicorn", "mcp"),
    *("flask", "werkzeug", "jinja2", "django", "rest_framework"),
    *("redis", "pytest", "multiprocessing", "unittest"),
    *("askit.server", "rskit.testing", "rskit.attacks"),
}
_PROGRAM = "import sys, importlib; importlib.import_module(sys.argv[1]); print(*sys.modules)"


@pytest.mark.parametrize("role", ["rpkit", "rskit", "asgi_mw", "wsgi_mw", "askit"])
def test_importing_a_role_loads_nothing_that_only_some_need(role: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM, role], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(run.stdout.split())
    assert role in loaded
    assert not HEAVY & loaded


def test_askit_loads_its_server_when_it_is_asked_for() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "askit"], capture_output=True, text=True, timeout=60, check=True
    )
    assert not {"fapikit", "httpx", "cryptography"} & set(run.stdout.split()), (
        "pytest loads it wherever fapikit is"
    )
