"""A client's certificate, and the thumbprint that tokens are bound to.

Spec: RFC 8705 3.1; RFC 7515 4.1.8
Role: C, AS, RS
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from cryptography import x509

from fapikit import base64url


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The certificate that a client sent in a TLS handshake.

    `thumbprint`: `x5t#S256`, the base64url SHA-256 of the DER. `der`: None if a proxy forwards only the hash. `chain`:
    the other certificates as they came, in DER, without the leaf. `verified`: whether the server or proxy that ended
    TLS has verified the chain. If not, the handshake proves possession of the key, and nothing else.
    """

    thumbprint: str
    der: bytes | None = field(default=None, repr=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    verified: bool = False

    @classmethod
    def from_der(
        cls, der: bytes, *, chain: tuple[bytes, ...] = (), verified: bool = False
    ) -> ClientCertificate:
        return cls(thumbprint_of(der), der, chain, verified)


def thumbprint_of(der: bytes) -> str:
    """`x5t#S256` of a certificate in DER."""
    return base64url.encode(hashlib.sha256(der).digest())


def parse_certificate(der: bytes) -> x509.Certificate:
    """Its parts are parsed when they are asked for, and may still be malformed. Raises ValueError."""
    try:
        return x509.load_der_x509_certificate(der)
    except x509.InvalidVersion as error:  # no ValueError, unlike all else that can be wrong
        raise ValueError("this version of X.509 does not exist") from error
