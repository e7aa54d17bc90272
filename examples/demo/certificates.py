"""The demo's certificates: the servers', the fintech's, and an attacker's. All are deleted after the run."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fapikit import Profile

CLIENT_NAME = "penny.fintech.example"
"""The DNS name in the fintech's certificate, and in its registration as `tls_client_auth_san_dns`."""


def make_server_certificate(folder: Path, profile: Profile) -> None:
    """`ca.pem`, which all parties of the demo trust, and `server.pem` with `server.key`, which all servers use."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    # Under TLS 1.2, FAPI 1 Advanced knows suites with RSA keys alone.
    ecdsa = any("ECDSA" in suite for suite in profile.tls12_ciphers)
    kind = trustme.KeyType.ECDSA if ecdsa else trustme.KeyType.RSA
    _write(folder, "server", authority.issue_cert("localhost", "127.0.0.1", key_type=kind))


def make_client_certificates(folder: Path, *, self_signed: bool) -> None:
    """`clients-ca.pem`, which the bank and the APIs trust for clients. The fintech's certificate, and an attacker's of
    the same authority. A certificate that the fintech signed itself is trusted because it is registered.
    """
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(str(folder / "clients-ca.pem"))
    _write(folder, "attacker", authority.issue_cert("mallory.example", common_name="Mallory"))
    if self_signed:
        _write_self_signed(folder, "fintech")
    else:
        _write(folder, "fintech", authority.issue_cert(CLIENT_NAME, common_name="Penny Fintech"))


def _write(folder: Path, name: str, made: trustme.LeafCert) -> None:
    made.private_key_pem.write_to_path(str(folder / f"{name}.key"))
    (folder / f"{name}.pem").write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))


def _write_self_signed(folder: Path, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Penny Fintech")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
