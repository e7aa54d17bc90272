"""Programs of the machine that tests run, and that no package brings: curl, HAProxy, Apache httpd."""

from __future__ import annotations

import os

import pytest


def installed(name: str, path: str | None) -> str:
    """The path. Where there is none the test says that it was not played; in CI it fails."""
    if path is None:
        message = f"{name} is not installed here: what is tested with it was not played"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
