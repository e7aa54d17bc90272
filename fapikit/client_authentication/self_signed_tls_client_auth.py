"""self_signed_tls_client_auth: a certificate that the client signed itself, in the TLS handshake.

Spec: RFC 8705 2a, 2.2; FAPI2-SP 5.3.3.1-2
Role: C, RS
"""

from __future__ import annotations

from fapikit.client_authentication.mutual_tls import MutualTls


class SelfSignedTlsClientAuth(MutualTls):
    """Sign in with a certificate that stands in the client's `jwks` or `jwks_uri`, as `x5c` of a key."""

    __slots__ = ()
    method = "self_signed_tls_client_auth"
