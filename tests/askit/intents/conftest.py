"""One bank behind TLS and the clients, for each test new ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from askit import AuthorizationServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import running
from tests.askit.intents.lodging import SETTINGS, Lodger, Running
from tests.clocks import NOW
from tests.keys import a_key


@pytest.fixture
def clock() -> MovableClock:
    clock = MovableClock()
    clock.freeze(NOW)
    return clock


@pytest.fixture
def bank(clock: MovableClock) -> Iterator[Running]:
    with running(SETTINGS, clock=clock, kind=AuthorizationServer) as server:
        yield server


@pytest.fixture
async def fintech(bank: Running, clock: MovableClock) -> AsyncIterator[Lodger]:
    lodger = Lodger(bank, clock)
    yield lodger
    await lodger.plain.http.aclose()


@pytest.fixture
async def other(bank: Running, clock: MovableClock) -> AsyncIterator[Lodger]:
    lodger = Lodger(bank, clock, "other", 2)
    lodger.plain.dpop_key = a_key("ES256", 12)
    yield lodger
    await lodger.plain.http.aclose()
