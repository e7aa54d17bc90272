"""What a client registers to authenticate by certificate: one subject value, or the certificates themselves.

Spec: RFC 8705 2.1.2, 2.1.2a, 2.2.2; RFC 7591 2
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from askit.errors import InvalidClientMetadata
from fapikit.certificates.subject import SUBJECT_MEMBERS, check_subject_value
from fapikit.errors import ConfigurationError
from fapikit.jose.key_set import KeySet


def check_certificate_members(method: str, members: Mapping[str, Any], keys: KeySet | None) -> None:
    """Raise InvalidClientMetadata if `method` uses certificates and lacks its metadata. `keys`: those of `jwks`."""
    if method == "tls_client_auth":
        named = [name for name in SUBJECT_MEMBERS if name in members]
        if len(named) != 1:
            raise InvalidClientMetadata(
                f"tls_client_auth needs exactly one of {', '.join(SUBJECT_MEMBERS)}",
                clause="RFC 8705 2.1.2",
                facts={"given": " ".join(named) or "none"},
            )
        try:
            check_subject_value(*registered_subject(members))
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


def registered_subject(members: Mapping[str, Any]) -> tuple[str, str]:
    """The metadata member with the subject, and its value."""
    return next((name, str(members[name])) for name in SUBJECT_MEMBERS if name in members)
