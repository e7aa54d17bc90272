"""nginx: `$ssl_client_escaped_cert`, and the older `$ssl_client_cert` with its folded lines.

    proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;

The escaped form is percent-encoded PEM. In the older form each line after the first begins with a tab, and servers join
the lines with spaces. Both are empty if the client sent no certificate.
"""

from __future__ import annotations

from urllib.parse import unquote

from fapikit.certificates.forms.form import CertificateForm, Forwarded, leaf_first
from fapikit.certificates.pem import read_pem


def decode(value: str) -> Forwarded:
    """`+` stays `+`: this is percent-encoding, not a form. Raises ValueError."""
    return leaf_first(read_pem(unquote(value, errors="strict") if "%" in value else value))


NGINX = CertificateForm("nginx", "x-ssl-client-cert", decode)
