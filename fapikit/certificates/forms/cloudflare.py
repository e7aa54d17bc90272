"""Cloudflare: the fields of RFC 9440, written by a transform rule, or the DER in base64 of its managed transform.

The rule sets `Client-Cert` from `cf.tls_client_auth.cert_rfc9440`, which is filled even for a certificate that did
not verify. So have the rule set a second field from `cf.tls_client_auth.cert_verified`, and name it as `verified=`.
"""

from __future__ import annotations

from fapikit.certificates.forms import rfc9440
from fapikit.certificates.forms.form import CertificateForm, Forwarded
from fapikit.certificates.pem import read_base64


def decode(value: str) -> Forwarded:
    """Raises ValueError."""
    return rfc9440.decode(value) if value.startswith(":") else Forwarded(read_base64(value))


CLOUDFLARE = CertificateForm("cloudflare", "client-cert", decode, "client-cert-chain", rfc9440.decode_chain)
