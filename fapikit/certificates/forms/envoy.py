"""Envoy: `X-Forwarded-Client-Cert`, with `Cert`, `Chain` (percent-encoded PEM) or the `Hash` alone (hexadecimal
SHA-256).

    forward_client_cert_details: SANITIZE_SET
    set_current_client_cert_details: {cert: true}

Each proxy may append an element. Exactly one element is accepted, because with several it is unknown which proxy wrote
which element.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from fapikit.certificates.forms.form import CertificateForm, Forwarded
from fapikit.certificates.pem import read_pem

_PAIR: Final = re.compile(r"([A-Za-z]+)=(\"(?:[^\"\\]|\\.)*\"|[^\",;]*)")
_ESCAPE: Final = re.compile(r"\\(.)")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_REPEATED: Final = frozenset({"dns", "uri"})


def decode(value: str) -> Forwarded:
    """Raises ValueError."""
    pairs: dict[str, str] = {}
    for name, text in _pairs(value):
        if name in pairs and name not in _REPEATED:
            raise ValueError(f"it has {name} twice")
        pairs[name] = text
    digest = pairs.get("hash")
    if digest is not None and not _SHA256.fullmatch(digest):
        raise ValueError("Hash is not a SHA-256 in hexadecimal")
    chain = read_pem(unquote(pairs["chain"], errors="strict")) if "chain" in pairs else ()
    if "cert" in pairs:
        certificates = read_pem(unquote(pairs["cert"], errors="strict"))
        if len(certificates) != 1:
            raise ValueError("Cert holds more than one certificate")
    else:
        certificates = chain[:1]
    if not certificates and digest is None:
        raise ValueError("it has neither Cert nor Chain nor Hash")
    leaf = certificates[0] if certificates else None
    # Envoy's Chain begins with the leaf.
    return Forwarded(
        leaf, chain[1:] if chain[:1] == certificates else chain, bytes.fromhex(digest) if digest else None
    )


def _pairs(value: str) -> Iterator[tuple[str, str]]:
    """The pairs of the one element."""
    position = 0
    while True:
        match = _PAIR.match(value, position)
        if match is None:
            raise ValueError("this is not a list of key=value")
        text = match[2]
        yield match[1].lower(), _ESCAPE.sub(r"\1", text[1:-1]) if text.startswith('"') else text
        position = match.end()
        if position == len(value):
            return
        if value[position] == ",":
            raise ValueError(
                "more than one proxy has written into it: let the last one replace what came (SANITIZE_SET)"
            )
        if value[position] != ";":
            raise ValueError("this is not a list of key=value")
        position += 1


ENVOY = CertificateForm("envoy", "x-forwarded-client-cert", decode, tells_commas=True)
