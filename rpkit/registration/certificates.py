"""The client metadata for client authentication by certificate, and for certificate-bound access tokens.

Spec: RFC 8705 2.1.2a, 2.2.2, 3.4; RFC 7591 2
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptography import x509

from fapikit.certificates.subject import read_subject, require_subject
from fapikit.errors import ConfigurationError, UnusableKey, WrongCertificateSubject
from fapikit.io.tls_client_certificate import TlsClientCertificate
from fapikit.jose.x5c import read_certificate

_BOUND: Final = "tls_client_certificate_bound_access_tokens"


def certificate_metadata(
    certificate: TlsClientCertificate, method: str | None = None, *, bound: bool = True, **subject: str
) -> dict[str, Any]:
    """The members of client metadata for this certificate, for `register` or for a form of the bank.

    `method`: "tls_client_auth" (one value of the certificate is registered), "self_signed_tls_client_auth" (the
    certificate itself is registered) or None, for another authentication method. `bound`: access tokens are bound to
    the certificate. `subject`: for tls_client_auth, one of `tls_client_auth_san_dns="..."` and the similar members.
    Without it, the distinguished name of the subject is registered. Raises ConfigurationError, also for a value that is
    not in the certificate.
    """
    members: dict[str, Any] = {_BOUND: True} if bound else {}
    if method is None:
        return members
    members["token_endpoint_auth_method"] = method
    if method == "tls_client_auth":
        leaf = certificate.chain[0]
        members |= subject or {"tls_client_auth_subject_dn": leaf.subject.rfc4514_string()}
        _require_in_certificate(leaf, *read_subject(members))
    elif method == "self_signed_tls_client_auth":
        members["jwks"] = {"keys": [certificate.public_jwk]}
    else:
        raise ConfigurationError(
            f"method {method} does not use certificates: use tls_client_auth or self_signed_tls_client_auth",
            clause="RFC 8705 2",
        )
    return members


def check_certificate_metadata(method: str, asked: Mapping[str, Any]) -> None:
    """Check the client metadata that belong to such a method. Raises ConfigurationError."""
    if method == "tls_client_auth":
        read_subject(asked)
    elif method == "self_signed_tls_client_auth" and "jwks_uri" not in asked:
        certified = [jwk for jwk in asked.get("jwks", {}).get("keys", ()) if "x5c" in jwk]
        if not certified:
            raise ConfigurationError(
                f"{method} needs the certificate as x5c of a key (certificate.public_jwk) in jwks, or jwks_uri",
                clause="RFC 8705 2.2.2",
            )
        for jwk in certified:
            _require_certificate(jwk)


def _require_in_certificate(certificate: x509.Certificate, member: str, value: str) -> None:
    try:
        require_subject(certificate, member, value)
    except WrongCertificateSubject as error:
        raise ConfigurationError(
            f"the certificate does not have this {member}: the bank would not know it",
            clause="RFC 8705 2.1.2",
            facts=error.facts,
        ) from error


def _require_certificate(jwk: Mapping[str, Any]) -> None:
    try:
        read_certificate(jwk)
    except UnusableKey as error:
        raise ConfigurationError(
            f"a key of jwks cannot be registered: {error.message}", clause="RFC 8705 2.2.2"
        ) from error
