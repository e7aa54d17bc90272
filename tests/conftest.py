"""Fixtures that tests of more than one package use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.raised_errors import (
    pytest_addoption,
    pytest_configure,
    pytest_runtest_logfinish,
    pytest_runtest_logstart,
    pytest_sessionfinish,
    pytest_testnodedown,
)
from tests.servers import valkey_server

__all__ = [
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_logfinish",
    "pytest_runtest_logstart",
    "pytest_sessionfinish",
    "pytest_testnodedown",
    "valkey_url",
]

# The same examples in every run: a test that fails, fails for everybody. `make fuzz` is for finding new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey (or Redis) server for the whole session."""
    with valkey_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url
