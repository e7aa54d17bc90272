"""self_signed_tls_client_auth: a certificate that the client registered in its `jwks` or `jwks_uri`, octet by octet.

Only the client itself has signed it, so its chain is not verified.

Spec: RFC 8705 2.2, 2.2.2; FAPI2-SP 5.3.2.1-6; FAPI1-BL 5.2.2-4; FAPI1-ADV 5.2.2-14
Role: AS
"""

from __future__ import annotations

from starlette.requests import Request

from askit.client_check.certificate import require_certificate
from askit.clients.client import Client
from askit.core import Core
from fapikit.errors import UntrustedCertificate
from fapikit.parameters import Parameters


async def check(core: Core, request: Request, _parameters: Parameters, client: Client) -> None:
    """Raises InvalidClient, CertificateError; TransportError if the client's certificates cannot be fetched now."""
    shown, der, _ = require_certificate(core, request, client)
    certified = core.clients.keys_of(client).has_certificate(der)
    registered = await core.run(core.waiting_for_keys.wait(client.client_id, certified))
    if not registered:
        raise UntrustedCertificate(
            "the client has not registered this certificate",
            clause="RFC 8705 2.2",
            facts={"client_id": client.client_id, "x5t#S256": shown.thumbprint},
        )
