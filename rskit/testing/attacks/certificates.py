"""A certificate that an attacker makes.

Spec: RFC 8705 3.1; RFC 7515 4.1.6
Role: RS
"""

from __future__ import annotations

import datetime as dt
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from rskit.testing.attacks.jws import SigningKey, encode


def certificate_of(key: SigningKey) -> bytes:
    """Self-signed, in DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "evil.example")])
    today = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
    )
    return builder.sign(key.private, hashes.SHA256()).public_bytes(Encoding.DER)


def thumbprint_of(certificate: bytes) -> str:
    """`x5t#S256`."""
    return encode(hashlib.sha256(certificate).digest())
