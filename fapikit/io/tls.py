"""TLS contexts that offer only what the profile allows.

Python's default server context also offers CBC suites under TLS 1.2.

Spec: FAPI2-SP 5.2.1-2, -3, -5, 5.2.2-1, -2, 5.2.3-2; FAPI1-BL 7.1a; FAPI1-ADV 8.5-1, -3; RFC 9325 3.1.1, 4.2, 4.5
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fapikit.clauses import clause_in_force
from fapikit.errors import ConfigurationError
from fapikit.jose.load_key import pem_octets
from fapikit.profiles import FAPI2_SECURITY, Profile

_NO_CHECK_TIME: Final = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which Python has no name."""


def server_context(
    certificate: Path | str, key: Path | str, *, profile: Profile = FAPI2_SECURITY
) -> ssl.SSLContext:
    """A context for a server: TLS 1.2 with the cipher suites of the profile, or TLS 1.3.

    Raises ConfigurationError for files that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context, profile)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # also the errors of OpenSSL; no message says which file is meant
        raise ConfigurationError(
            f"the certificate {certificate} and its key {key} cannot be used: {error.strerror}"
        ) from error
    return context


def ask_for_client_certificates(context: ssl.SSLContext, trusted: Iterable[bytes]) -> None:
    """Let a server ask each client for a certificate. A client without one can connect too.

    `trusted`, DER: the authorities, and the self-signed certificates that clients registered; see `read_certificates`.
    A client with any other certificate cannot connect. The handshake proves possession of the key and nothing else; it
    does not look at the dates. Raises ConfigurationError for what is not a certificate.
    """
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    # A session that is resumed from a ticket has only the first certificate, without its chain (RFC 9440 3.3).
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    trust_client_certificates(context, trusted)


def trust_client_certificates(context: ssl.SSLContext, trusted: Iterable[bytes]) -> None:
    """Accept these certificates, DER, in handshakes from now on, and a certificate with a chain to one of them.

    Raises ConfigurationError for what is not a certificate.
    """
    anchors = b"".join(trusted)
    try:
        if anchors:
            context.load_verify_locations(cadata=anchors)
    except ssl.SSLError as error:
        raise ConfigurationError(
            f"a client certificate to trust cannot be used: {error.reason}", clause="RFC 8705 7.4"
        ) from error


def read_certificates(file: Path | str) -> list[bytes]:
    """The certificates of a PEM file, DER. Raises ConfigurationError."""
    try:
        return [
            certificate.public_bytes(Encoding.DER)
            for certificate in x509.load_pem_x509_certificates(Path(file).read_bytes())
        ]
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"no PEM certificates can be read from {file}") from error


def client_context(
    *, ca: Path | str | bytes | None = None, profile: Profile = FAPI2_SECURITY
) -> ssl.SSLContext:
    """A context for a client: it checks certificate and host name, by `ca` (PEM path or octets) or the system's roots.

    Raises ConfigurationError if `ca` has no certificates. An empty `ca` never means the roots of the system.
    """
    if ca in ("", b""):
        raise ConfigurationError(
            "ca is empty: give a PEM file or its octets, or leave ca out to trust the system's roots",
            clause=clause_in_force("FAPI2-SP 5.2.1-5", profile),
        )
    try:
        if isinstance(ca, bytes):
            context = ssl.create_default_context(cadata=pem_octets(ca).decode("ascii"))
        else:
            context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, UnicodeDecodeError) as error:
        where = "the octets given as ca" if isinstance(ca, bytes) else ca
        unread = isinstance(error, OSError) and not isinstance(error, ssl.SSLError)
        why = f": {error.args[-1]}" if unread else ""
        raise ConfigurationError(
            f"no PEM certificates of an authority can be read from {where}{why}",
            clause=clause_in_force("FAPI2-SP 5.2.1-5", profile),
        ) from error
    _restrict(context, profile)
    return context


def default_context(profile: Profile = FAPI2_SECURITY) -> ssl.SSLContext:
    """The default context for a client: the roots that httpx trusts, and the cipher suites of the profile."""
    return _default_context(certifi.where(), profile)


@lru_cache(maxsize=8)
def _default_context(roots: str, profile: Profile) -> ssl.SSLContext:
    """Made once for each file of roots and profile: making one takes 40 ms."""
    return client_context(ca=roots, profile=profile)


def _restrict(context: ssl.SSLContext, profile: Profile) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Level 2: no Diffie-Hellman group and no RSA key under 2048 bits, no curve under 224 (RFC 9325 4.5).
    context.set_ciphers(":".join([*profile.tls12_ciphers, "@SECLEVEL=2"]))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
