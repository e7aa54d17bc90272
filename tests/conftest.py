"""Fixtures that tests of more than one package use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

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


_TESTS = Path(__file__).parent
# What these tests share takes seconds to make: a built site, wheels, a browser, a bank, plays of attacks. So all tests
# of one group run in the same process of pytest-xdist (`--dist loadgroup`), and it is made once.
_ONE_PROCESS = (
    "attack_lab",
    "distribution",
    "e2e/test_demo_pages.py",
    "fapikit_cli",
    "fapikit_viewer",
    "meta",
    "pages/test_site.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put each test that shares something costly into its group."""
    for item in items:
        if not item.path.is_relative_to(_TESTS):
            continue
        place = item.path.relative_to(_TESTS).as_posix()
        for group in _ONE_PROCESS:
            if place == group or place.startswith(f"{group}/"):
                item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey (or Redis) server for the whole session."""
    with valkey_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url
