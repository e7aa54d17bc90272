"""HAProxy: base64 DER in one line.

http-request set-header X-SSL-Client-Cert %[ssl_c_der,base64]
"""

from __future__ import annotations

from fapikit.certificates.forms.form import CertificateForm, Forwarded
from fapikit.certificates.pem import read_base64


def decode(value: str) -> Forwarded:
    """Raises ValueError."""
    return Forwarded(read_base64(value))


HAPROXY = CertificateForm("haproxy", "x-ssl-client-cert", decode)
