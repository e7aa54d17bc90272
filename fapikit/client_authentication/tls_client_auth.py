"""tls_client_auth: a certificate of the client, issued by an authority that the server trusts, in the TLS handshake.

Spec: RFC 8705 2a, 2.1; FAPI2-SP 5.3.3.1-2
Role: C, RS
"""

from __future__ import annotations

from fapikit.client_authentication.mutual_tls import MutualTls


class TlsClientAuth(MutualTls):
    """Sign in with a certificate of an authority; its subject is registered at the server (`tls_client_auth_*`)."""

    __slots__ = ()
    method = "tls_client_auth"
