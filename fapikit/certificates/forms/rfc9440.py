"""RFC 9440: `Client-Cert` is one structured-field byte sequence, `Client-Cert-Chain` a list of them.

Cloudflare writes these fields too (`cf.tls_client_auth.cert_rfc9440`); see `cloudflare`.

Spec: RFC 9440 2.1, 2.2, 2.3; RFC 8941 3.3.5
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from fapikit.certificates.forms.form import CertificateForm, Forwarded

_BYTES: Final = re.compile(r":([A-Za-z0-9+/]+={0,2}):")
_LIST: Final = re.compile(rf"{_BYTES.pattern}(?:[ \t]*,[ \t]*{_BYTES.pattern})*")


def decode(value: str) -> Forwarded:
    """Raises ValueError."""
    match = _BYTES.fullmatch(value)
    if match is None:
        raise ValueError("this is not one byte sequence between colons")
    return Forwarded(_octets(match[1]))


def decode_chain(value: str) -> tuple[bytes, ...]:
    """Raises ValueError."""
    if not _LIST.fullmatch(value):
        raise ValueError("this is not a list of byte sequences between colons")
    return tuple(_octets(found) for found in _BYTES.findall(value))


def _octets(text: str) -> bytes:
    try:
        octets = base64.b64decode(text.encode("ascii"), validate=True)
    except binascii.Error as error:
        raise ValueError("a byte sequence is not base64 with its padding") from error
    if base64.b64encode(octets).decode("ascii") != text:
        raise ValueError("a byte sequence has bits left over")
    return octets


RFC9440 = CertificateForm("rfc9440", "client-cert", decode, "client-cert-chain", decode_chain)
