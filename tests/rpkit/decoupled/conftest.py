"""Waits that take no time, and a client and a worker of its site that share nothing but the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapikit import MemoryStore
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.decoupled.naps import Naps, taking_naps


@pytest.fixture
def naps(bank: FakeBank, monkeypatch: pytest.MonkeyPatch) -> Naps:
    return taking_naps(bank, monkeypatch)


@pytest.fixture
def store(bank: FakeBank) -> MemoryStore:
    return MemoryStore(clock=bank.clock)


@pytest.fixture
def of(clients: Clients, bank: FakeBank, store: MemoryStore) -> Callable[..., Any]:
    """Makes a client without a redirect URI."""
    return lambda **options: clients.of(bank, **{"redirect_uri": None, "store": store, **options})


@pytest.fixture
def hear(bank: FakeBank, store: MemoryStore) -> Callable[..., None]:
    """A worker of the site that hears a notification. It may be called while a client waits."""
    worker = Clients("sync").of(bank, redirect_uri=None, store=store)

    def hear(notification: tuple[dict[str, str], bytes]) -> None:
        headers, body = notification
        worker.hear_notification(headers["authorization"], body)

    return hear
