"""The check of a client certificate: valid now, fit for its use, issued under the client CA, not revoked.

The TLS handshake cannot verify the chain. A server that accepts registered self-signed certificates has all of them as
trust anchors, and the owner of one could issue a leaf with the subject of another client. So the chain is verified
here, against the client CA alone.

Spec: RFC 8705 2.1, 2.2, 7.4; RFC 5280 4.2.1.3, 4.2.1.12, 6.1, 6.3; FAPI2-SP 5.4.1-2, -3
Role: C, AS
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from fapikit.certificates.certificate import parse_certificate
from fapikit.certificates.name_constraints import require_permitted
from fapikit.errors import (
    CertificateNotValidNow,
    ConfigurationError,
    RevocationUndecided,
    RevokedCertificate,
    UnfitCertificate,
    UntrustedCertificate,
)
from fapikit.profile import Profile

E = TypeVar("E", bound=x509.ExtensionType)

_CHAIN_CLAUSE = "RFC 8705 2.1"
_MAX_INTERMEDIATES = 8
_KEYS = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)
# `require_fit` checks the extensions of the leaf. The library's default demands some that client certificates lack.
_LEAF_POLICY = verification.ExtensionPolicy.permit_all()


def load_certificate(der: bytes) -> x509.Certificate:
    """One that can be read to its end. Raises UnfitCertificate."""
    try:
        certificate = parse_certificate(der)
        # The library parses these when they are asked for. What it cannot parse is refused here, and fails nowhere.
        _ = certificate.issuer, certificate.subject, certificate.extensions, certificate.public_key()
    except (
        ValueError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise UnfitCertificate("this is not an X.509 certificate that can be read") from error
    return certificate


def load_fit_certificate(der: bytes, now: float, profile: Profile) -> x509.Certificate:
    """A client's certificate that may be used now, with a key as long as the profile demands.

    Raises UnfitCertificate, CertificateNotValidNow.
    """
    certificate = load_certificate(der)
    require_fit(certificate, now, rsa_bits=profile.rsa_bits, ec_bits=profile.ec_bits)
    return certificate


def require_fit(
    certificate: x509.Certificate, now: float, *, rsa_bits: int = 2048, ec_bits: int = 224
) -> None:
    """Check the dates, the key usages and the key length. Raises CertificateNotValidNow, UnfitCertificate."""
    today = datetime.fromtimestamp(now, UTC)
    if today > certificate.not_valid_after_utc:
        raise CertificateNotValidNow(f"the certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if today < certificate.not_valid_before_utc:
        raise CertificateNotValidNow(
            f"the certificate is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
        )
    key = certificate.public_key()
    if not isinstance(key, _KEYS):
        raise UnfitCertificate("the certificate's key is not one of RSA, EC, Ed25519 or Ed448")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < rsa_bits:
        raise UnfitCertificate(
            f"the certificate's RSA key has {key.key_size} bits: at least {rsa_bits}",
            clause="FAPI2-SP 5.4.1-2",
        )
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < ec_bits:
        raise UnfitCertificate(
            f"the certificate's EC key has {key.key_size} bits: at least {ec_bits}", clause="FAPI2-SP 5.4.1-3"
        )
    _require_usage(certificate)


def _require_usage(certificate: x509.Certificate) -> None:
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        raise UnfitCertificate(
            "the certificate's key usage lacks digitalSignature", clause="RFC 5280 4.2.1.3"
        )
    extended = _extension(certificate, x509.ExtendedKeyUsage)
    if extended is None:
        return
    if not {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(extended):
        raise UnfitCertificate(
            "the certificate's extended key usage lacks clientAuth", clause="RFC 5280 4.2.1.12"
        )


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


class ClientAuthorities:
    """The certificate authorities whose client certificates are accepted, and their revocation lists.

    Give as few as possible: each authority can issue a certificate with the subject of any client (RFC 8705 7.4).
    """

    def __init__(
        self, authorities: Sequence[x509.Certificate], crls: Sequence[x509.CertificateRevocationList] = ()
    ) -> None:
        """Raises ConfigurationError without an authority, and for a revocation list that none of them signed."""
        if not authorities:
            raise ConfigurationError("the client CA holds no certificate", clause=_CHAIN_CLAUSE)
        self._store = verification.Store(list(authorities))
        for crl in crls:
            _require_whole(crl)
        # The library looks through the whole list for each number.
        self._crls = [
            (crl, _signer_of(crl, authorities), frozenset(entry.serial_number for entry in crl))
            for crl in crls
        ]
        # Trust ends at the first authority of a chain. Whoever is above it may have revoked it.
        self._above = {authority: _issuers_of(authority, authorities) for authority in authorities}

    @classmethod
    def from_pem(cls, authorities: bytes, crls: bytes | None = None) -> ClientAuthorities:
        """PEM, several in a row; at least one list where any are given. Raises ConfigurationError."""
        try:
            certificates = x509.load_pem_x509_certificates(authorities)
            lists = [] if crls is None else [x509.load_pem_x509_crl(block) for block in _blocks(crls)]
            for one in lists:
                _ = one.issuer, one.extensions  # parsed when they are asked for
        except (ValueError, x509.DuplicateExtension, x509.InvalidVersion) as error:
            raise ConfigurationError(
                f"the client CA, or its revocation list, cannot be read as PEM: {error}", clause=_CHAIN_CLAUSE
            ) from error
        return cls(certificates, lists)

    def verify(self, leaf: x509.Certificate, intermediates: Sequence[x509.Certificate], now: float) -> None:
        """Raises UntrustedCertificate, RevokedCertificate; RevocationUndecided."""
        if len(intermediates) > _MAX_INTERMEDIATES:
            raise UntrustedCertificate(
                f"the chain is too long: it has more than {_MAX_INTERMEDIATES} certificates above that of the client"
            )
        verifier = (
            verification.PolicyBuilder()
            .store(self._store)
            .time(datetime.fromtimestamp(now, UTC))
            .extension_policies(
                ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=_LEAF_POLICY
            )
            .build_client_verifier()
        )
        try:
            chain = verifier.verify(leaf, list(intermediates)).chain
        except (verification.VerificationError, ValueError) as error:
            raise UntrustedCertificate(
                "no chain leads from the certificate to the client CA",
                facts={"issuer": leaf.issuer.rfc4514_string(), "why": str(error)},
            ) from error
        chain = [*chain, *self._above.get(chain[-1], ())]
        require_permitted(chain)
        for certificate, issuer in pairwise(chain):
            self._require_not_revoked(certificate, issuer, now)

    def _require_not_revoked(
        self, certificate: x509.Certificate, issuer: x509.Certificate, now: float
    ) -> None:
        for crl, signer, revoked in self._crls:
            if signer.subject != issuer.subject or signer.public_key() != issuer.public_key():
                continue
            until = crl.next_update_utc
            if until is not None and datetime.fromtimestamp(now, UTC) > until:
                # Fail closed: a certificate may have been revoked since then.
                raise RevocationUndecided(
                    f"the revocation list of {issuer.subject.rfc4514_string()} is out of date since {until:%Y-%m-%d}: "
                    "replace the file"
                )
            if certificate.serial_number in revoked:
                raise RevokedCertificate("the authority has revoked this certificate")


def _signer_of(
    crl: x509.CertificateRevocationList, authorities: Sequence[x509.Certificate]
) -> x509.Certificate:
    for authority in authorities:
        key = authority.public_key()
        try:
            if authority.subject == crl.issuer and crl.is_signature_valid(key):  # type: ignore[arg-type]
                return authority
        except (TypeError, InvalidSignature):
            continue  # a key that signs no list
    raise ConfigurationError(
        "a revocation list is signed by no authority of the client CA",
        clause="RFC 5280 6.3.3",
        facts={"issuer": crl.issuer.rfc4514_string()},
    )


def _require_whole(crl: x509.CertificateRevocationList) -> None:
    """Raise ConfigurationError for a list that says of itself that it has a part of what is revoked."""
    parts = []
    for extension in crl.extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            parts.append("it has only the changes since another list")
        elif isinstance(value, x509.IssuingDistributionPoint):
            if value.only_some_reasons or value.only_contains_attribute_certs or value.indirect_crl:
                parts.append(
                    "it has only some reasons, only attribute certificates, or other issuers' certificates"
                )
        elif extension.critical:
            parts.append(f"its critical extension {extension.oid.dotted_string} is not known here")
    if parts:
        raise ConfigurationError(
            f"a revocation list cannot decide, because {parts[0]}: give the complete list of the authority",
            clause="RFC 5280 5.2",
            facts={"issuer": crl.issuer.rfc4514_string()},
        )


def _issuers_of(
    authority: x509.Certificate, authorities: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """The authorities above this one, the nearest first."""
    above: list[x509.Certificate] = []
    below = authority
    while below.subject != below.issuer and len(above) <= _MAX_INTERMEDIATES:
        issuer = next((one for one in authorities if _has_issued(one, below)), None)
        if issuer is None:
            break
        above.append(issuer)
        below = issuer
    return tuple(above)


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _blocks(pem: bytes) -> list[bytes]:
    """Raises ValueError unless there is one, and all are whole: half a list would say that the rest is not revoked."""
    end = b"-----END X509 CRL-----"
    *blocks, rest = pem.split(end)
    if not blocks or rest.strip():
        raise ValueError("a list is missing, or not whole")
    return [block + end for block in blocks]
