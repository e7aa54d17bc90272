"""What both certificate methods share: the request has a certificate that may authenticate a client now.

Spec: RFC 8705 2, 2a, 2b; RFC 5280 4.2.1.3, 4.2.1.12; FAPI2-SP 5.4.1-2, 5.4.1-3
Role: AS
"""

from __future__ import annotations

from typing import NamedTuple

from cryptography import x509
from starlette.requests import Request

from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidClient
from askit.requests.client_certificate import client_certificate
from fapikit.certificates import ClientCertificate
from fapikit.certificates.chain import load_fit_certificate


class FitCertificate(NamedTuple):
    """`shown`: the certificate as received. `leaf`: parsed from its `der`."""

    shown: ClientCertificate
    der: bytes
    leaf: x509.Certificate


def require_certificate(core: Core, request: Request, client: Client) -> FitCertificate:
    """Raises InvalidClient, CertificateNotValidNow, UnfitCertificate, CertificateHeaderRefused."""
    shown = client_certificate(core, request)
    if shown is None:
        raise InvalidClient(
            "this client authenticates by its certificate, but the connection has none",
            clause="RFC 8705 2a",
            facts={"client_id": client.client_id},
        )
    if shown.der is None:
        raise InvalidClient(
            "this client authenticates by its certificate, but the proxy forwards only a hash",
            clause="RFC 8705 2b",
            facts={"client_id": client.client_id},
        )
    leaf = load_fit_certificate(shown.der, core.clock(), core.profile_of(client))
    return FitCertificate(shown, shown.der, leaf)
