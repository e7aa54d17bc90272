"""A self-signed certificate over a key, for mutual TLS.

Spec: RFC 8705 2.2; RFC 5280 4.2.1.3, 4.2.1.12
Role: RP
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fapikit import PrivateKey
from fapikit_cli.failing import WrongUsage


def self_signed(key: PrivateKey, common_name: str, *, days: int) -> tuple[x509.Certificate, str]:
    """The certificate of a client, for TLS client authentication only, and its PEM. Raises WrongUsage."""
    own: Any = load_pem_private_key(key.to_pem(), None)
    try:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    except ValueError as error:
        raise WrongUsage(
            f"a certificate cannot have this common name: {error}", "give 1 to 64 characters"
        ) from error
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))  # clocks differ
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_only_signs(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(own, None if isinstance(own, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    return made, made.public_bytes(Encoding.PEM).decode("ascii")


def _only_signs() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        **dict.fromkeys(
            (
                *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
                *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
            ),
            False,
        ),
    )
