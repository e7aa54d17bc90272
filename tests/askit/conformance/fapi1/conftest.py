"""The bank of the FAPI 1.0 Advanced modules: for each test a new one, at one port under real TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from askit.pytest_plugin.hosts import Host
from tests.askit.fapi1.live import LiveBank, a_host, close_all
from tests.askit.hosting import Hosting, hosting
from tests.askit.plain_client import PlainClient


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    with a_host() as running:
        yield running


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fapi1")


@pytest.fixture
async def web() -> AsyncIterator[Hosting]:
    """Where clients host their request objects."""
    async with hosting() as running:
        yield running


@pytest.fixture
async def bank(host: Host, folder: Path, web: Hosting) -> AsyncIterator[LiveBank]:
    made = LiveBank(host, folder, web.uri)
    with host.inhabited(made.server):
        yield made
        await close_all(made.opened)


@pytest.fixture
def client(bank: LiveBank) -> PlainClient:
    return bank.client()
