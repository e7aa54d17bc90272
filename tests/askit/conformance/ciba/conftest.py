"""The bank of the FAPI-CIBA modules: real TLS, two clients of one kind, and the phone of their user."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from askit.pytest_plugin.hosts import Host
from tests.askit.conformance.ciba.live import METHODS, CibaBank
from tests.askit.conformance.mtls.conftest import inhabited
from tests.askit.fapi1.live import a_host
from tests.askit.hosting import Hosting, hosting


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    with a_host() as running:
        yield running


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ciba")


@pytest.fixture
async def endpoint() -> AsyncIterator[Hosting]:
    """The notification endpoint of the clients."""
    async with hosting(path="/notified") as running:
        running.status = 204
        yield running


@pytest.fixture
async def live(host: Host, folder: Path) -> AsyncIterator[CibaBank]:
    async for made in inhabited(CibaBank(host, folder)):
        yield made


@pytest.fixture(params=METHODS)
async def live_each(host: Host, folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[CibaBank]:
    """One for each method of client authentication."""
    async for made in inhabited(CibaBank(host, folder, request.param)):
        yield made


@pytest.fixture(params=METHODS)
async def pinging_each(
    host: Host, folder: Path, endpoint: Hosting, request: pytest.FixtureRequest
) -> AsyncIterator[CibaBank]:
    """The same, with clients that are pinged."""
    async for made in inhabited(CibaBank(host, folder, request.param, pinged_at=endpoint.uri)):
        yield made
