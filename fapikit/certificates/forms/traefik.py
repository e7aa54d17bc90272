"""Traefik (`passTLSClientCert` with `pem`): PEM without first and last lines, with commas between the certificates.

Releases before 2.8 percent-encode the value. Later ones do not.
"""

from __future__ import annotations

from urllib.parse import unquote

from fapikit.certificates.forms.form import CertificateForm, Forwarded, leaf_first
from fapikit.certificates.pem import read_base64


def decode(value: str) -> Forwarded:
    """Raises ValueError."""
    plain = unquote(value, errors="strict") if "%" in value else value
    return leaf_first(tuple(read_base64(part) for part in plain.split(",")))


TRAEFIK = CertificateForm(
    "traefik", "x-forwarded-tls-client-cert", decode, beside=("x-forwarded-tls-client-cert-info",)
)
