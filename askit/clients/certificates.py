"""What a client registers to authenticate by certificate: one subject value, or the certificates themselves.

Spec: RFC 8705 2.1.2, 2.1.2a, 2.2.2; RFC 7591 2
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.errors import InvalidClientMetadata
from fapikit.certificates.subject import read_subject
from fapikit.errors import ConfigurationError
from fapikit.jose.key_set import KeySet

BOUND_TO_CERTIFICATE: Final = "tls_client_certificate_bound_access_tokens"
"""The metadata member of a client and of a server (RFC 8705 3.3, 3.4)."""


def check_certificate_members(method: str, members: Mapping[str, Any], keys: KeySet | None) -> None:
    """Raise InvalidClientMetadata if `method` uses certificates and lacks its metadata. `keys`: those of `jwks`."""
    if method == "tls_client_auth":
        try:
            read_subject(members)
        except ConfigurationError as error:
            raise InvalidClientMetadata(error.message, clause=error.clause, facts=error.facts) from error
    if method == "self_signed_tls_client_auth" and "jwks_uri" not in members:
        if keys is None:
            raise InvalidClientMetadata(f"{method} needs jwks or jwks_uri", clause="RFC 8705 2.2.2")
        if not keys.read_certificates():
            raise InvalidClientMetadata(
                f"{method} needs a key in jwks whose x5c begins with the client's certificate",
                clause="RFC 8705 2.2.2",
            )
