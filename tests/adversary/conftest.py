"""A misbehaving bank over HTTP, and both clients before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fapikit import PrivateKeyJWT
from tests.keys import a_key
from tests.mothers.bank_server import served
from tests.mothers.clients import CLIENT_KEY, KINDS, Clients
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank


@pytest.fixture
def bank() -> Iterator[FakeBank]:
    with served(FakeBank()) as running:
        yield running


@pytest.fixture(params=KINDS)
def connect(request: pytest.FixtureRequest, bank: FakeBank) -> Iterator[Callable[..., Any]]:
    """Makes a client of the bank over its socket."""
    clients = Clients(request.param)
    made: list[Any] = []

    def connect(**options: Any) -> Any:
        given = {
            "client_id": CLIENT_ID,
            "auth": PrivateKeyJWT(a_key(*CLIENT_KEY)),
            "redirect_uri": REDIRECT_URI,
            "clock": bank.clock,
        }
        made.append(clients.discover(bank.issuer, **{**given, **options}))
        return made[-1]

    yield connect
    for client in made:
        client.close() if request.param == "sync" else client.aclose()
    clients.close()
