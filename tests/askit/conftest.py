"""The bank under test, for each test a new one."""

from __future__ import annotations

import pytest

from tests.askit.bank import Bank
from tests.askit.plain_client import PlainClient


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def client(bank: Bank) -> PlainClient:
    return bank.client()


@pytest.fixture
def signing_bank() -> Bank:
    """A bank under Message Signing: signed requests in, signed responses out."""
    return Bank(profile="fapi2-message-signing")


@pytest.fixture
def signer(signing_bank: Bank) -> PlainClient:
    return signing_bank.client()
