"""Makes throw-away certificates in a directory: for a server on loopback, for clients, and their authorities.

Role: AS
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. Clients trust `ca`."""

    ca: Path
    certificate: Path
    key: Path


class ClientCertificateFiles(NamedTuple):
    """PEM files, as `curl --cert ... --key ...` and `TlsClientCertificate.from_pem(*files)` take them."""

    certificate: Path
    key: Path

    @property
    def jwk_x5c(self) -> list[str]:
        """The `x5c` of a JWK of the same key (RFC 7517 4.7)."""
        der = x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(
            serialization.Encoding.DER
        )
        return [base64.b64encode(der).decode()]


class ClientAuthority:
    """Issues client certificates; `file` is what a server trusts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("askit test client authority")
        self.file = directory / "client-ca.pem"
        self.file.write_bytes(_pem(_authority(self._name, self._key)))

    def issue(self, common_name: str) -> ClientCertificateFiles:
        """Good for a year, so that a test may move its clock."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = (
            _client(common_name, self._name, key.public_key())
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        return _written(self._directory, leaf, key)


def self_signed(directory: Path, common_name: str, key_pem: bytes) -> ClientCertificateFiles:
    """A client certificate over a key that is there already."""
    key: Any = serialization.load_pem_private_key(key_pem, None)
    own = _client(common_name, _name(common_name), key.public_key()).sign(key, hashes.SHA256())
    return _written(directory, own, key)


def make_tls_files(directory: Path) -> TlsFiles:
    """For localhost, 127.0.0.1 and ::1. Valid for a day."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("askit test authority")
    key = ec.generate_private_key(ec.SECP256R1())
    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    leaf = (
        _builder(_name("localhost"), ca_name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    files = TlsFiles(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    files.ca.write_bytes(_pem(_authority(ca_name, ca_key)))
    files.certificate.write_bytes(_pem(leaf))
    _write_key(files.key, key)
    return files


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _authority(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return (
        _builder(name, name, key.public_key(), days=365)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _client(common_name: str, issuer: x509.Name, key: Any) -> x509.CertificateBuilder:
    return (
        _builder(_name(common_name), issuer, key, days=365)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )


def _written(
    directory: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> ClientCertificateFiles:
    stem = f"client-{certificate.serial_number:x}"
    files = ClientCertificateFiles(directory / f"{stem}.pem", directory / f"{stem}.key")
    files.certificate.write_bytes(_pem(certificate))
    _write_key(files.key, key)
    return files


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Only its owner may read a private key, from its first octet on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(_key_pem(key))


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int = 1
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )
