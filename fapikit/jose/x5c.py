"""The certificate that a JWK carries: the first of its `x5c`, whose key is the JWK's own.

Spec: RFC 7517 4.7; RFC 8705 2.2, 2.2.2
Role: AS
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from fapikit.errors import UnusableKey
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.respell import respell

_CLAUSE = "RFC 7517 4.7"


def read_certificate(jwk: Mapping[str, Any]) -> bytes:
    """DER. Raises UnusableKey for what is no certificate, or one of another key."""
    chain = jwk.get("x5c")
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        raise UnusableKey("x5c is an array of certificates", clause=_CLAUSE)
    try:
        der = base64.b64decode(chain[0].encode("ascii"), validate=True)
        certificate = x509.load_der_x509_certificate(der)
        shown = certificate.public_key()
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise UnusableKey("x5c does not begin with a certificate in base64", clause=_CLAUSE) from error
    if import_public_jwk(respell(jwk)).material != shown:
        raise UnusableKey("the first certificate of x5c has another key than the JWK", clause=_CLAUSE)
    return der
