"""Errors of a client certificate, and of the header in which a proxy forwards it.

Spec: RFC 8705 2, 2.1, 2.2; RFC 9440 4; RFC 5280 6
"""

from __future__ import annotations

from fapikit.errors.base import FapiError, Fault, Remedy, TransportError


class CertificateError(FapiError):
    """A client certificate cannot be accepted."""

    code = "invalid_client"
    clause = "RFC 8705 2b"
    remedy = Remedy.FIX_CONFIGURATION


class CertificateHeaderRefused(CertificateError):
    """The header with which a proxy forwards a certificate is ambiguous or broken: correct the proxy's settings."""

    code = "invalid_request"
    clause = "RFC 9440 4"


class CertificateNotValidNow(CertificateError):
    """The certificate has expired, or is not valid yet."""

    clause = "RFC 5280 6.1.3"


class UnfitCertificate(CertificateError):
    """The certificate is not for this use: its key usage, its extended key usage, or a key that is too short."""

    clause = "RFC 5280 4.2.1"


class UntrustedCertificate(CertificateError):
    """There is no chain from the certificate to a trusted certificate authority."""

    clause = "RFC 8705 2.1"


class RevokedCertificate(CertificateError):
    """The certificate authority has revoked the certificate."""

    clause = "RFC 5280 6.3"


class WrongCertificateSubject(CertificateError):
    """The certificate does not have the subject that is registered for this client."""

    clause = "RFC 8705 2.1"


class RevocationUndecided(TransportError):
    """The revocation list of the authority is out of date: a certificate may have been revoked since then."""

    clause = "RFC 5280 6.3.3"
    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION
