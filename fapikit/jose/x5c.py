"""The certificate that a JWK carries, read and written: the first of its `x5c`, whose key is the JWK's own.

Spec: RFC 7517 4.7; RFC 8705 2.2, 2.2.2
Role: C, AS
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from fapikit.errors import UnusableKey
from fapikit.jose.public_key import import_public_jwk, members_of, thumbprint_of
from fapikit.jose.respell import respell

_CLAUSE = "RFC 7517 4.7"
_UNREADABLE = (x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


def read_certificate(jwk: Mapping[str, Any]) -> bytes:
    """The certificate in DER. Raises UnusableKey if it is not a certificate, or has another key."""
    chain = jwk.get("x5c")
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        raise UnusableKey("x5c of the JWK is not an array of certificates", clause=_CLAUSE)
    try:
        der = base64.b64decode(chain[0].encode("ascii"), validate=True)
        certificate = x509.load_der_x509_certificate(der)
        shown = certificate.public_key()
        # These are parsed when they are asked for: by a TLS server that trusts this certificate, where it is too late.
        _ = certificate.subject, certificate.issuer, certificate.extensions
    except (binascii.Error, ValueError, UnsupportedAlgorithm, *_UNREADABLE) as error:
        raise UnusableKey("x5c does not begin with a certificate in base64", clause=_CLAUSE) from error
    if import_public_jwk(respell(jwk)).material != shown:
        raise UnusableKey("the first certificate of x5c has another key than the JWK", clause=_CLAUSE)
    return der


def certificate_jwk(chain: Sequence[x509.Certificate]) -> dict[str, Any]:
    """The public JWK of the first certificate, with the chain as `x5c`. Its `kid` is the RFC 7638 thumbprint.

    Raises UnusableKey for a kind of key that JWKs do not have here.
    """
    members = members_of(chain[0].public_key())
    x5c = [base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode("ascii") for one in chain]
    return {**members, "kid": thumbprint_of(members), "use": "sig", "x5c": x5c}
