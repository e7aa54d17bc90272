"""What can be wrong with a client certificate, or with the header that hands one on.

Spec: RFC 8705 2, 2.1, 2.2; RFC 9440 4; RFC 5280 6
"""

from __future__ import annotations

from fapikit.errors.base import FapiError, Fault, Remedy, TransportError


class CertificateError(FapiError):
    """A client certificate cannot be believed."""

    code = "invalid_client"
    clause = "RFC 8705 2b"
    remedy = Remedy.FIX_CONFIGURATION


class CertificateHeaderRefused(CertificateError):
    """A proxy's header with a certificate is ambiguous or broken: correct what the proxy sends."""

    code = "invalid_request"
    clause = "RFC 9440 4"


class CertificateNotValidNow(CertificateError):
    """The certificate has expired, or is not valid yet."""

    clause = "RFC 5280 6.1.3"


class UnfitCertificate(CertificateError):
    """The certificate is not for this use: its key usage, its extended key usage, or a key that is too short."""

    clause = "RFC 5280 4.2.1"


class UntrustedCertificate(CertificateError):
    """No chain leads from the certificate to an authority of the client CA."""

    clause = "RFC 8705 2.1"


class RevokedCertificate(CertificateError):
    """The authority has revoked the certificate."""

    clause = "RFC 5280 6.3"


class WrongCertificateSubject(CertificateError):
    """The certificate does not have the subject that is registered for this client."""

    clause = "RFC 8705 2.1"


class RevocationUndecided(TransportError):
    """The authority's revocation list is out of date: what was revoked since, nobody here knows."""

    clause = "RFC 5280 6.3.3"
    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION
