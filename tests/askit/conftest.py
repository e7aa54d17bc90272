"""The bank under test, for each test a new one."""

from __future__ import annotations

import pytest

from tests.askit.bank import Bank
from tests.askit.plain_client import PlainClient


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def client(bank: Bank) -> PlainClient:
    return bank.client()
