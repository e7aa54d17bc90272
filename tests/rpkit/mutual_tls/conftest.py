"""A bank over TLS that asks for client certificates, and clients of each kind that show one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.mothers.clients import Clients
from tests.mothers.mtls_bank import MtlsBank, served_over_tls
from tests.rpkit.mutual_tls.parties import CA, MINE, NEXT, SELF_SIGNED, arguments

Connect = Callable[..., Any]


@pytest.fixture
def bank() -> Iterator[MtlsBank]:
    """The client is registered with three certificates: it is about to replace them."""
    registered = [MINE, NEXT, SELF_SIGNED]
    with served_over_tls(MtlsBank(registered=registered, dpop=False), CA, SELF_SIGNED) as running:
        yield running


@pytest.fixture
def connect(clients: Clients, bank: MtlsBank) -> Iterator[Connect]:
    made: list[Any] = []

    def connect(**options: Any) -> Any:
        made.append(clients.of(bank, **{**arguments(bank), **options}))
        return made[-1]

    yield connect
    for client in made:
        client.close() if clients.kind == "sync" else client.aclose()
