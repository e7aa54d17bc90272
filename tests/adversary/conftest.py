"""Two misbehaving servers over sockets, and both clients before each.

`askit`: the embedded authorization server and its faults, over TLS. `fake`: a bank that shares no code with ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import RunningServer, running
from fapikit import PrivateKeyJWT
from tests.keys import a_key
from tests.mothers.bank_server import served
from tests.mothers.clients import CLIENT_KEY, KINDS, Clients
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank
from tests.mothers.faulty_askit import AskitBank

SETTINGS = {
    "clients": [
        {
            "client_id": "test-client",
            "client_name": "Test Client",
            "redirect_uris": ["https://client.example.test/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "private_key_jwt",
            "id_token_signed_response_alg": "ES256",
            "authorization_signed_response_alg": "ES256",
            "request_object_signing_alg": "ES256",
        }
    ]
}


@pytest.fixture(scope="session")
def askit_process() -> Iterator[tuple[RunningServer[FaultyServer], MovableClock]]:
    clock = MovableClock()
    with running(SETTINGS, clock=clock, kind=FaultyServer) as server:
        yield server, clock


@pytest.fixture
def bank() -> Iterator[FakeBank]:
    """The fake bank, for what only it can do wrong."""
    with served(FakeBank()) as running_bank:
        yield running_bank


@pytest.fixture(params=["askit", "fake"])
def adversary(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "askit":
        server, clock = request.getfixturevalue("askit_process")
        yield AskitBank(server, clock)
        server.app.faults.clear()
    else:
        yield request.getfixturevalue("bank")


@pytest.fixture(params=KINDS)
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    made = Clients(request.param)
    yield made
    made.close()


@pytest.fixture
def connect(clients: Clients, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Makes a client of the adversary, or of the fake bank where a test has none."""
    server = request.getfixturevalue("adversary" if "adversary" in request.fixturenames else "bank")
    made: list[Any] = []

    def connect(**options: Any) -> Any:
        given = server.arguments() if isinstance(server, AskitBank) else _arguments(server)
        made.append(clients.discover(server.issuer, **{**given, **options}))
        return made[-1]

    yield connect
    for client in made:
        client.close() if clients.kind == "sync" else client.aclose()


def _arguments(bank: FakeBank) -> dict[str, Any]:
    return {
        "client_id": CLIENT_ID,
        "auth": PrivateKeyJWT(a_key(*CLIENT_KEY)),
        "redirect_uri": REDIRECT_URI,
        "clock": bank.clock,
    }
