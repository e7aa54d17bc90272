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


def modules_after_importing(role: str) -> set[str]:
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM, role], capture_output=True, text=True, timeout=60, check=True
    )
    return set(run.stdout.split())


@pytest.mark.parametrize("role", ["rpkit", "rskit", "asgi_mw", "wsgi_mw", "askit", "fapikit_viewer"])
def test_importing_a_role_loads_nothing_that_only_some_need(role: str) -> None:
    loaded = modules_after_importing(role)
    assert role in loaded
    assert not HEAVY & loaded


@pytest.mark.parametrize("role", ["rskit", "asgi_mw", "wsgi_mw"])
def test_an_api_that_calls_nobody_loads_no_http_library(role: str) -> None:
    assert not {"httpx", "httpcore", "http.cookiejar"} & modules_after_importing(role)


def test_askit_loads_its_server_when_it_is_asked_for() -> None:
    assert not {"fapikit", "httpx", "cryptography"} & modules_after_importing("askit"), (
        "pytest loads it wherever fapikit is"
    )
