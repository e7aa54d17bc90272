"""A bank on a socket of its own, under real TLS: it asks for client certificates, and its own is RSA, as in FAPI 1."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from askit import AuthorizationServer, Config
from askit.pytest_plugin.hosts import Host
from askit.pytest_plugin.movable_clock import MovableClock
from tests.askit.bank import settings
from tests.askit.fapi1.advanced import APIS, CLIENTS
from tests.askit.hosting import CA as HOSTS_CA
from tests.askit.plain_client import PlainClient
from tests.keys import a_key
from tests.mothers.certificates import Made, a_certificate, an_authority, jwk_of, usage

NUMBERS = {
    "fintech": 1, "other": 2, "accounts-api": 3, "payments-api": 4, "by-certificate": 5, "self-signed": 6
}  # fmt: skip


@cache
def _server_authority() -> Made:
    return an_authority("Server CA", now=time.time())


@cache
def client_authority() -> Made:
    return an_authority("Client CA", now=time.time(), serial=1001)


@cache
def certificate_of(client_id: str) -> Made:
    """Of a client, under the authority that the bank knows, or its own."""
    return a_certificate(
        issuer=None if client_id == "self-signed" else client_authority(),
        now=time.time(),
        key_usage=usage(digital_signature=True),
        names=[x509.DNSName(f"{client_id}.example.test")],
        serial=100 + NUMBERS[client_id],
    )


@cache
def _server_certificate() -> Made:
    return a_certificate(
        issuer=_server_authority(),
        now=time.time(),
        key=rsa.generate_private_key(65537, 2048),
        extended=(ExtendedKeyUsageOID.SERVER_AUTH,),
        names=[x509.DNSName("localhost")],
    )


def by_certificate() -> list[dict[str, Any]]:
    """Two clients that sign in by a certificate, and sign their requests with a key."""
    keys = {
        name: dict(a_key("ES256", NUMBERS[name]).public_jwk) for name in ("by-certificate", "self-signed")
    }
    return [
        {
            **CLIENTS[0],
            "client_id": "by-certificate",
            "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_san_dns": "by-certificate.example.test",
            "jwks": {"keys": [keys["by-certificate"]]},
        },
        {
            **CLIENTS[0],
            "client_id": "self-signed",
            "token_endpoint_auth_method": "self_signed_tls_client_auth",
            "jwks": {"keys": [keys["self-signed"], jwk_of(certificate_of("self-signed"))]},
        },
    ]


class ByCertificate(PlainClient):
    """It proves who it is by the connection alone."""

    def authentication(self, assertion: str | None = None, **claims: Any) -> dict[str, str]:
        return {"client_id": self.client_id}


class LiveBank:
    """One bank, and who talks to it. `hosted`: where its clients have their request objects."""

    def __init__(self, host: Host, folder: Path, hosted: str, **changes: Any) -> None:
        self.clock = MovableClock()
        self.issuer = f"https://localhost:{host.port}"
        self.port = host.port
        self._folder = folder
        self.opened: list[httpx.AsyncClient] = []
        members = {
            "issuer": self.issuer,
            "profile": "fapi1-advanced",
            "clients": [
                *({**each, "request_uris": [hosted]} for each in (*CLIENTS, *by_certificate())),
                *APIS,
            ],
            "tls": _files(folder),
            "http": {"ca": str(folder / "hosts-ca.pem")},
            **changes,
        }
        self.config = Config.from_mapping(settings(**members))
        self.server = AuthorizationServer(self.config, clock=self.clock)

    def trusting(self, shows: Made | None = None) -> ssl.SSLContext:
        """A TLS context that trusts the bank; `shows`: the certificate that it has for the bank."""
        context = ssl.create_default_context(cadata=_server_authority().pem)
        if shows is not None:
            file = self._folder / f"{shows.certificate.serial_number}.pem"
            file.write_text(shows.pem + shows.key_pem)
            context.load_cert_chain(file)
        return context

    def http(self, shows: Made | None = None) -> httpx.AsyncClient:
        made = httpx.AsyncClient(base_url=self.issuer, verify=self.trusting(shows), trust_env=False)
        self.opened.append(made)
        return made

    def client(
        self, client_id: str = "fintech", *, certificate: str | None = "its own", **more: Any
    ) -> PlainClient:
        """`certificate`: the name of the client whose certificate it shows, or None."""
        whose = client_id if certificate == "its own" else certificate
        kind = ByCertificate if client_id in ("by-certificate", "self-signed") else PlainClient
        return kind(
            http=self.http(None if whose is None else certificate_of(whose)),
            clock=self.clock,
            client_id=client_id,
            key=a_key("ES256", NUMBERS[client_id]),
            issuer=self.issuer,
            **more,
        )


def _files(folder: Path) -> dict[str, str]:
    server = _server_certificate()
    (folder / "server.pem").write_text(server.pem)
    (folder / "server.key").write_text(server.key_pem)
    (folder / "client-ca.pem").write_text(client_authority().pem)
    (folder / "hosts-ca.pem").write_bytes(HOSTS_CA.cert_pem.bytes())
    return {
        "certificate": str(folder / "server.pem"),
        "key": str(folder / "server.key"),
        "client_ca": str(folder / "client-ca.pem"),
    }


@contextmanager
def a_host() -> Iterator[Host]:
    """A port and a thread, for one bank after another."""
    host = Host()
    try:
        yield host
    finally:
        host.close()


async def close_all(clients: Sequence[httpx.AsyncClient]) -> None:
    for client in clients:
        await client.aclose()
