"""What a client registers so that a server knows it by its certificate, and binds its access tokens to it.

Spec: RFC 8705 2.1.2a, 2.2.2, 3.4; RFC 7591 2
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptography import x509

from fapikit.certificates.subject import SUBJECT_MEMBERS, check_subject_value, require_subject
from fapikit.errors import ConfigurationError, UnusableKey, WrongCertificateSubject
from fapikit.io.tls_client_certificate import TlsClientCertificate
from fapikit.jose.x5c import read_certificate

_BOUND: Final = "tls_client_certificate_bound_access_tokens"


def certificate_metadata(
    certificate: TlsClientCertificate, method: str | None = None, *, bound: bool = True, **subject: str
) -> dict[str, Any]:
    """The members of client metadata that this certificate makes, for `register` or for a form of the bank.

    `method`: "tls_client_auth" (known by one value of the certificate), "self_signed_tls_client_auth" (known by the
    certificate itself) or None, for a client that signs in otherwise. `bound`: access tokens are bound to it.
    `subject`: of tls_client_auth, one of `tls_client_auth_san_dns="..."` and its siblings. Without it the subject's
    distinguished name is registered. Raises ConfigurationError, also for a value that is not in the certificate.
    """
    members: dict[str, Any] = {_BOUND: True} if bound else {}
    if method is None:
        return members
    members["token_endpoint_auth_method"] = method
    if method == "tls_client_auth":
        leaf = certificate.chain[0]
        members |= subject or {"tls_client_auth_subject_dn": leaf.subject.rfc4514_string()}
        _require_in_certificate(leaf, *_registered_subject(members))
    elif method == "self_signed_tls_client_auth":
        members["jwks"] = {"keys": [certificate.public_jwk]}
    else:
        raise ConfigurationError(
            f"{method} is no method of certificates: use tls_client_auth or self_signed_tls_client_auth",
            clause="RFC 8705 2",
        )
    return members


def check_certificate_metadata(method: str, asked: Mapping[str, Any]) -> None:
    """Check what is asked for beside a method of certificates. Raises ConfigurationError."""
    if method == "tls_client_auth":
        _registered_subject(asked)
    elif method == "self_signed_tls_client_auth" and "jwks_uri" not in asked:
        certified = [jwk for jwk in asked.get("jwks", {}).get("keys", ()) if "x5c" in jwk]
        if not certified:
            raise ConfigurationError(
                f"{method} needs the certificate as x5c of a key (certificate.public_jwk) in jwks, or jwks_uri",
                clause="RFC 8705 2.2.2",
            )
        for jwk in certified:
            _require_certificate(jwk)


def _registered_subject(asked: Mapping[str, Any]) -> tuple[str, str]:
    named = [name for name in SUBJECT_MEMBERS if name in asked]
    if len(named) != 1:
        raise ConfigurationError(
            f"tls_client_auth needs exactly one of {', '.join(SUBJECT_MEMBERS)}",
            clause="RFC 8705 2.1.2a",
            facts={"given": " ".join(named) or "none"},
        )
    value = str(asked[named[0]])
    check_subject_value(named[0], value)
    return named[0], value


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
