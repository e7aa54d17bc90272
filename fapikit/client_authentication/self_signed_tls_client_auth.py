"""self_signed_tls_client_auth: a self-signed certificate of the client, in the TLS handshake.

Spec: RFC 8705 2a, 2.2; FAPI2-SP 5.3.3.1-2
Role: C, RS
"""

from __future__ import annotations

from fapikit.client_authentication.mutual_tls import MutualTls


class SelfSignedTlsClientAuth(MutualTls):
    """Sign in with a certificate that is the `x5c` of a key in the client's `jwks` or `jwks_uri`."""

    __slots__ = ()
    method = "self_signed_tls_client_auth"
