"""Cloudflare: the fields of RFC 9440 from a transform rule, or base64 DER from its managed transform.

The rule sets `Client-Cert` from `cf.tls_client_auth.cert_rfc9440`, which has a value also for an invalid certificate.
So let the rule set a second field from `cf.tls_client_auth.cert_verified`, and give that field as `verified=`.
"""

from __future__ import annotations

from fapikit.certificates.forms import rfc9440
from fapikit.certificates.forms.form import CertificateForm, Forwarded
from fapikit.certificates.pem import read_base64


def decode(value: str) -> Forwarded:
    """Raises ValueError."""
    return rfc9440.decode(value) if value.startswith(":") else Forwarded(read_base64(value))


CLOUDFLARE = CertificateForm("cloudflare", "client-cert", decode, "client-cert-chain", rfc9440.decode_chain)
