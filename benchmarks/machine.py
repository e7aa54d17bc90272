"""What was measured on: figures without it say little."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "cryptography", "joserfc", "PyJWT", "authlib", "starlette", "fastapi", "flask", "uvicorn", "mcp", "httpx",
    "redis", "hiredis",
)  # fmt: skip


def describe() -> dict[str, str]:
    """Facts in words, by name."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": f"{platform.python_version()}, {_build()}",
        "OpenSSL": ssl.OPENSSL_VERSION.removeprefix("OpenSSL ").split(" ")[0],
        "SQLite": sqlite3.sqlite_version,
        **{name: _version(name) for name in _PACKAGES},
    }


def _build() -> str:
    """An interpreter that was not built with optimisation is slower by a third, where a signature is not."""
    options = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    optimised = "--enable-optimizations" in options
    linked = " and link-time optimisation" if "--with-lto" in options else ""
    kind = f"built with profile-guided{linked}" if optimised else "not an optimised build"
    return f"{sys.implementation.name}, {kind}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
