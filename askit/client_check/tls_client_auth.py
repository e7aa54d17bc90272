"""tls_client_auth: a certificate under the client CA, with the one subject value that the client registered.

The handshake does not verify the chain enough: it accepts every registered self-signed certificate too, and one of
those could issue a certificate with another client's subject. So the chain is verified here, only against the client
CA. Without a client CA, a proxy must have verified it.

Spec: RFC 8705 2.1, 2.1.2, 2.1.2b, 7.4; FAPI2-SP 5.3.2.1-6; FAPI1-BL 5.2.2-4; FAPI1-ADV 5.2.2-14
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request

from askit.client_check.certificate import require_certificate
from askit.clients.client import Client
from askit.core import Core
from fapikit.certificates.chain import load_certificate
from fapikit.certificates.subject import read_subject, require_subject
from fapikit.errors import UntrustedCertificate
from fapikit.parameters import Parameters


async def check(core: Core, request: Request, _parameters: Parameters, client: Client) -> None:
    """Raises InvalidClient, CertificateError; RevocationUndecided if the revocation list is out of date."""
    shown, _, leaf = require_certificate(core, request, client)
    if core.client_ca is not None:
        core.client_ca.verify(leaf, [load_certificate(der) for der in shown.chain], core.clock())
    elif not shown.verified:
        raise UntrustedCertificate(
            "the chain of this certificate has not been verified",
            facts={
                "issuer": leaf.issuer.rfc4514_string(),
                "settings": "tls.client_ca, client_certificates.verified",
            },
        )
    require_subject(leaf, *read_subject(client.metadata))
