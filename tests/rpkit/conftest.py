"""A bank in memory and both kinds of client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.mothers.clients import KINDS, Clients
from tests.mothers.fake_bank import FakeBank


@pytest.fixture
def bank() -> FakeBank:
    return FakeBank()


@pytest.fixture(params=KINDS)
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    made = Clients(request.param)
    yield made
    made.close()
