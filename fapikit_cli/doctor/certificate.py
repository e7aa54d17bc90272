"""The certificate of one host: its chain, its names, its dates, its key.

Spec: FAPI2-SP 5.2.1-5, 5.4.1-2, 5.4.1-3; RFC 9525 6; RFC 9325 4.5; RFC 5280 4.1.2.5
Role: C
"""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fapikit.io.tls import client_context
from fapikit_cli.doctor.host import Host
from fapikit_cli.doctor.row import Row, Rules, Verdict

_SOON: Final = dt.timedelta(days=21)
_WEAK_HASHES: Final = frozenset({"md5", "sha1"})
_WRONG_NAME: Final = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH."""
_NO_CHECK_TIME: Final = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME: the dates have a row of their own."""


def examine_certificate(host: Host, rules: Rules, *, ca: Path | None, now: float) -> Iterator[Row]:
    """The rows; one if there is no certificate to be seen."""
    try:
        with host.connect(host.unverified()) as connection:
            der = connection.getpeercert(binary_form=True)
        yield from _trust(host, rules, ca)
        certificate = x509.load_der_x509_certificate(der or b"")
    except (OSError, ValueError) as error:
        yield rules.row(
            "certificate.chain",
            None,
            "FAPI2-SP 5.2.1-5",
            "its certificate can be read",
            error,
            "see the rows of TLS",
        )
        return
    yield _dates(certificate, rules, dt.datetime.fromtimestamp(now, dt.UTC))
    yield _key(certificate, rules)
    yield _signature(certificate, rules)


def _trust(host: Host, rules: Rules, ca: Path | None) -> Iterator[Row]:
    chain = _verify(host, ca, name_too=False)
    whom = "the given authority" if ca else "an authority that clients trust"
    yield rules.row(
        "certificate.chain",
        chain is None,
        "FAPI2-SP 5.2.1-5",
        f"the chain leads to {whom}",
        "it does" if chain is None else chain.verify_message,
        "let the server send the certificates between its own and the authority; for a private authority give --ca",
    )
    name = _verify(host, ca, name_too=True) if chain is None else None
    if chain is None:
        wrong = name is not None and name.verify_code in _WRONG_NAME
        yield rules.row(
            "certificate.name",
            not wrong,
            "FAPI2-SP 5.2.1-5",
            "the certificate is for this host",
            name.verify_message if name is not None else host.name,
            f"request a certificate with {host.name} among its subject alternative names",
        )


def _verify(host: Host, ca: Path | None, *, name_too: bool) -> ssl.SSLCertVerificationError | None:
    # A context of its own, because a flag is changed. Which suites it offers is another row.
    context = client_context(ca=ca or certifi.where())
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.verify_flags |= _NO_CHECK_TIME
    context.check_hostname = name_too
    try:
        with host.connect(context):
            return None
    except ssl.SSLCertVerificationError as error:
        return error


def _dates(certificate: x509.Certificate, rules: Rules, today: dt.datetime) -> Row:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    valid, soon = begins <= today <= ends, today + min(_SOON, (ends - begins) / 3) > ends
    return rules.row(
        "certificate.dates",
        valid and not soon,
        "RFC 5280 4.1.2.5",
        "the certificate is valid now, and stays so for a while",
        f"from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC",
        "renew it" if today > begins else "check the clock of this machine and the certificate",
        otherwise=Verdict.WARNS if valid else Verdict.FAILS,
    )


def _key(certificate: x509.Certificate, rules: Rules) -> Row:
    key, profile = certificate.public_key(), rules.profile
    if isinstance(key, rsa.RSAPublicKey):
        holds, least = key.key_size >= profile.rsa_bits, profile.rsa_bits
        found, clause = f"RSA, {key.key_size} bits", "RFC 9325 4.5"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        holds, least = key.key_size >= profile.ec_bits, profile.ec_bits
        found, clause = f"EC {key.curve.name}, {key.key_size} bits", "RFC 9325 4.5"
    else:
        holds, least, found, clause = True, 0, type(key).__name__.strip("_"), "RFC 9325 4.5"
    return rules.row(
        "certificate.key",
        holds,
        clause,
        "its key is long enough",
        found,
        f"use a key of {least} bits or more",
    )


def _signature(certificate: x509.Certificate, rules: Rules) -> Row:
    used = certificate.signature_hash_algorithm
    return rules.row(
        "certificate.signature",
        used is None or used.name not in _WEAK_HASHES,
        "RFC 9325 4.5",
        "its signature does not rest on a broken hash",
        "a signature with a hash of its own" if used is None else used.name,
        "request a certificate that is signed with SHA-256 or better",
    )
