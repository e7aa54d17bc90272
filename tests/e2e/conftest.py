"""The whole ecosystem of the demo, running for all tests of this folder: five servers, TLS, real stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.demo.choices import Choices
from examples.demo.servers import Servers
from examples.demo.world import World
from tests.e2e.honest_customer import HonestCustomer


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World.create(tmp_path_factory.mktemp("world"), Choices.of("fapi2-security"), ports={})
    with Servers(world):
        yield world


@pytest.fixture(scope="module")
def customer(world: World) -> Iterator[HonestCustomer]:
    with HonestCustomer(world) as customer:
        yield customer
