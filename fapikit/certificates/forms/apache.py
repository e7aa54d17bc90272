"""Apache httpd: PEM with spaces instead of line breaks; `(null)` if there is no certificate.

RequestHeader set X-SSL-Client-Cert "%{SSL_CLIENT_CERT}s"
"""

from __future__ import annotations

from fapikit.certificates.forms.form import CertificateForm, Forwarded, leaf_first
from fapikit.certificates.pem import read_pem


def decode(value: str) -> Forwarded:
    """Raises ValueError."""
    return leaf_first(read_pem(value))


APACHE = CertificateForm("apache", "x-ssl-client-cert", decode, absent=frozenset({"", "(null)"}))
