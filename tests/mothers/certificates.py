"""Certificates for tests, made with the cryptography library alone."""

from __future__ import annotations

import base64
import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fapikit import TlsClientCertificate
from tests.keys import b64

NOW = 1_800_000_000.0
_DAY = dt.timedelta(days=1)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | dsa.DSAPrivateKey


def a_name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


FINTECH = a_name(
    (NameOID.COUNTRY_NAME, "JP"), (NameOID.ORGANIZATION_NAME, "Fintech"), (NameOID.COMMON_NAME, "fintech")
)


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def pkcs12(self, password: str, *others: Made) -> bytes:
        return pkcs12.serialize_key_and_certificates(
            None,
            self.key,
            self.certificate,
            [other.certificate for other in others],
            serialization.BestAvailableEncryption(password.encode()),
        )


def usage(**given: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: given.get(name, False) for name in names})


def a_certificate(
    *,
    issuer: Made | None = None,
    subject: x509.Name = FINTECH,
    key: Key | None = None,
    now: float = NOW,
    valid_from: dt.timedelta = -_DAY,
    valid_for: dt.timedelta = 30 * _DAY,
    ca: bool = False,
    key_usage: x509.KeyUsage | None = None,
    extended: Sequence[x509.ObjectIdentifier] | None = (ExtendedKeyUsageOID.CLIENT_AUTH,),
    names: Sequence[x509.GeneralName] = (),
    serial: int = 7,
    constraints: x509.NameConstraints | None = None,
) -> Made:
    """Signed by `issuer`, or by itself. `constraints` are not critical."""
    own: Key = key or ec.generate_private_key(ec.SECP256R1())
    signer: Any = own if issuer is None else issuer.key
    today = dt.datetime.fromtimestamp(now, dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(own.public_key())
        .serial_number(serial)
        .not_valid_before(today + valid_from)
        .not_valid_after(today + valid_for)
    )
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        signs = key_usage or usage(key_cert_sign=True, crl_sign=True)
        builder = builder.add_extension(signs, critical=True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False
        )
    else:
        if key_usage is not None:
            builder = builder.add_extension(key_usage, critical=True)
        if extended is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    is_server = ExtendedKeyUsageOID.SERVER_AUTH in (extended or ())
    if issuer is not None and (
        ca or is_server
    ):  # Python 3.13 takes no server's without it (RFC 5280 4.2.1.1)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Made(builder.sign(signer, hashes.SHA256()), own)


def an_authority(
    name: str = "Client CA",
    *,
    issuer: Made | None = None,
    now: float = NOW,
    serial: int = 1000,
    constraints: x509.NameConstraints | None = None,
) -> Made:
    return a_certificate(
        constraints=constraints,
        issuer=issuer,
        subject=a_name((NameOID.COMMON_NAME, name)),
        ca=True,
        now=now,
        valid_for=3650 * _DAY,
        serial=serial,
    )


def a_crl(
    issuer: Made,
    *revoked: int,
    now: float = NOW,
    lasts: dt.timedelta = _DAY,
    says: x509.ExtensionType | None = None,
) -> str:
    """`says`: a critical extension of the list."""
    today = dt.datetime.fromtimestamp(now, dt.UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(today - _DAY)
        .next_update(today + lasts)
    )
    if says is not None:
        builder = builder.add_extension(says, critical=True)
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(today - _DAY).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def as_client_certificate(made: Made, *between: Made) -> TlsClientCertificate:
    """What a client shows in handshakes."""
    chain = "".join(one.pem for one in (made, *between))
    return TlsClientCertificate.from_pem(chain.encode(), made.key_pem.encode())


@lru_cache
def a_client_certificate() -> TlsClientCertificate:
    """Valid now, by the clock of the machine."""
    return as_client_certificate(a_certificate(now=time.time()))


UNREADABLE: Mapping[str, tuple[bytes, bytes]] = {
    "a version that does not exist": (bytes.fromhex("a003020102"), bytes.fromhex("a003020109")),
    "an unknown kind of key": (bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0202")),
    "a name of too many octets": (b"\x0c\x07fintech", b"\x0c\x7ffintech"),
    "a name that is no UTF-8": (b"\x0c\x07fintech", b"\x0c\x07fintec\xff"),
    "a malformed extension": (bytes.fromhex("551d25040c300a06"), bytes.fromhex("551d25040c310a06")),
}
"""What is replaced in the DER of `a_certificate()` so that a part of it cannot be read."""


def unreadable(kind: str, der: bytes) -> bytes:
    right, wrong = UNREADABLE[kind]
    assert right in der
    return der.replace(right, wrong)


def jwk_of(made: Made, **more: Any) -> dict[str, Any]:
    """A public JWK made by hand, with its certificate."""
    key = made.key.public_key()
    chain = {"x5c": [base64.b64encode(made.der).decode()], **more}
    if isinstance(key, rsa.RSAPublicKey):
        e, n = (
            value.to_bytes((value.bit_length() + 7) // 8, "big")
            for value in (key.public_numbers().e, key.public_numbers().n)
        )
        return {"kty": "RSA", "e": b64(e), "n": b64(n), **chain}
    numbers = key.public_numbers()
    x, y = (b64(value.to_bytes(32, "big")) for value in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, **chain}
