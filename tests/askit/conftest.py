"""The bank under test, for each test a new one."""

from __future__ import annotations

import pytest

from tests.askit.bank import FINTECH, OTHER, Bank, an_api
from tests.askit.plain_client import PlainClient
from tests.keys import a_key


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
    """A bank under Message Signing: signed requests in, signed responses out. `fintech` has an RSA key too."""
    keys = {"keys": [dict(a_key(alg, 1).public_jwk) for alg in ("ES256", "RS256")]}
    clients = [{**FINTECH, "jwks": keys}, OTHER, an_api("accounts-api", 3), an_api("payments-api", 4)]
    return Bank(profile="fapi2-message-signing", clients=clients)


@pytest.fixture
def signer(signing_bank: Bank) -> PlainClient:
    return signing_bank.client()
