"""Importing a role loads no framework and no part that only some applications use, even where all are installed."""

from __future__ import annotations

import importlib
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


@pytest.mark.parametrize("role", ["rskit", "asgi_mw", "wsgi_mw"])
def test_an_api_that_only_checks_tokens_loads_neither_shared_stores_nor_signed_messages_nor_signals(
    role: str,
) -> None:
    loaded = modules_after_importing(role)
    unused = {
        *("sqlite3", "fapikit.stores.sqlite", "fapikit.stores.redis"),
        *("fapikit.signals", "rskit.signals", "fapikit.signed_messages", "fapikit.http_signatures"),
        *("rskit.signed_messages.detached_jws", "rskit.signed_messages.jwt_bodies", "rskit.presets"),
    }
    assert not unused & loaded


@pytest.mark.parametrize("package", ["fapikit", "fapikit.stores", "rskit"])
def test_every_public_name_is_there_when_it_is_asked_for(package: str) -> None:
    program = (
        "import importlib, sys; package = importlib.import_module(sys.argv[1]);"
        "print(*[name for name in package.__all__ if getattr(package, name, None) is None])"
    )
    run = subprocess.run([sys.executable, "-c", program, package], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


@pytest.mark.parametrize("package", ["fapikit", "fapikit.stores", "rskit"])
def test_a_name_that_does_not_exist_is_told_as_python_tells_it(package: str) -> None:
    with pytest.raises(AttributeError, match=rf"module '{package}' has no attribute 'nothing_of_the_kind'"):
        _ = importlib.import_module(package).nothing_of_the_kind


def test_askit_loads_its_server_when_it_is_asked_for() -> None:
    assert not {"fapikit", "httpx", "cryptography"} & modules_after_importing("askit"), (
        "pytest loads it wherever fapikit is"
    )


def test_the_command_line_needs_no_pytest() -> None:
    """Its extra does not install pytest, and here pytest cannot be imported."""
    program = (
        "import pkgutil, sys, importlib, fapikit_cli; sys.modules['pytest'] = None\n"
        "for found in pkgutil.walk_packages(fapikit_cli.__path__, 'fapikit_cli.'): importlib.import_module(found.name)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
