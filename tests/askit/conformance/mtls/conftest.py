"""The bank of the FAPI 2 modules in their variants with certificates: real TLS, two clients of one kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from askit.pytest_plugin.hosts import Host
from tests.askit.bank import FINTECH, OTHER
from tests.askit.client_check.test_client_certificates import jwk_of
from tests.askit.fapi1.advanced import APIS
from tests.askit.fapi1.live import (
    NUMBERS,
    ByCertificate,
    LiveBank,
    a_host,
    certificate_of,
    close_all,
)
from tests.askit.plain_client import PlainClient
from tests.keys import a_key

VARIANTS = [
    ("private_key_jwt", "mtls"),
    ("tls_client_auth", "mtls"),
    ("tls_client_auth", "dpop"),
    ("self_signed_tls_client_auth", "mtls"),
    ("self_signed_tls_client_auth", "dpop"),
]


class CertificateBank(LiveBank):
    """`method`: how both clients prove who they are; `binding`: what their tokens are bound to."""

    def __init__(
        self, host: Host, folder: Path, method: str, binding: str, *, profile: str = "fapi2-security"
    ) -> None:
        self.host, self.method, self.binding = host, method, binding
        clients = [self._entry(each) for each in (FINTECH, OTHER)]
        super().__init__(
            host, folder, "https://unused.example.test/", profile=profile, clients=[*clients, *APIS]
        )

    def _entry(self, of: dict[str, Any]) -> dict[str, Any]:
        client_id = of["client_id"]
        keys = [dict(a_key(alg, NUMBERS[client_id]).public_jwk) for alg in ("ES256", "RS256")]
        more: dict[str, Any] = {
            "private_key_jwt": {},
            "tls_client_auth": {"tls_client_auth_san_dns": f"{client_id}.example.test"},
            "self_signed_tls_client_auth": {"jwks": {"keys": [*keys, jwk_of(certificate_of(client_id))]}},
        }[self.method]
        flag = {"tls_client_certificate_bound_access_tokens": self.binding == "mtls"}
        return {**of, "jwks": {"keys": keys}, "token_endpoint_auth_method": self.method, **flag, **more}

    def client(
        self, client_id: str = "fintech", *, certificate: str | None = "its own", **more: Any
    ) -> PlainClient:
        whose = client_id if certificate == "its own" else certificate
        kind = PlainClient if self.method == "private_key_jwt" else ByCertificate
        return kind(
            http=self.http(None if whose is None else certificate_of(whose)),
            clock=self.clock,
            client_id=client_id,
            key=a_key("ES256", NUMBERS[client_id]),
            issuer=self.issuer,
            proves=self.proof,
            **{"dpop_key": a_key("ES256", 10 + NUMBERS[client_id]), **more},
        )

    @property
    def proof(self) -> bool:
        """Whether token requests have a proof beside them."""
        return self.binding == "dpop"


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    with a_host() as running:
        yield running


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(params=VARIANTS, ids="-".join)
async def bank(host: Host, folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[CertificateBank]:
    async for made in inhabited(CertificateBank(host, folder, *request.param)):
        yield made


@pytest.fixture
def client(bank: CertificateBank) -> PlainClient:
    return bank.client()


@pytest.fixture(params=VARIANTS, ids="-".join)
async def signing_bank(
    host: Host, folder: Path, request: pytest.FixtureRequest
) -> AsyncIterator[CertificateBank]:
    async for made in inhabited(
        CertificateBank(host, folder, *request.param, profile="fapi2-message-signing")
    ):
        yield made


@pytest.fixture
def signer(signing_bank: CertificateBank) -> PlainClient:
    return signing_bank.client()


async def inhabited(bank: CertificateBank) -> AsyncIterator[CertificateBank]:
    with bank.host.inhabited(bank.server):
        yield bank
        await close_all(bank.opened)
