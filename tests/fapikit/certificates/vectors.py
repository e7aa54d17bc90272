"""The certificates that two RFCs print, and how each proxy would write one of them."""

from __future__ import annotations

import base64
from urllib.parse import quote

from tests.vectors.folder import rfc

_CERTIFICATE, _FIELDS = (vector for _, vector in rfc("certificate", "fields"))
RFC8705_THUMBPRINT: str = _CERTIFICATE["thumbprint"]
RFC8705_BASE64: str = _CERTIFICATE["certificate"]
"""It has `+` and `/`, which careless decoders lose."""
RFC9440_BASE64: str = _FIELDS["certificates"][0]
RFC8705_DER = base64.b64decode(RFC8705_BASE64)
RFC9440_DER = base64.b64decode(RFC9440_BASE64)


def pem(body: str, *, line: str = "\n") -> str:
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return line.join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"]) + line.strip(" \t")


def written_by(form: str, body: str) -> str:
    """The value that a proxy writes, as its documentation says."""
    return {
        "nginx": quote(pem(body), safe=""),
        "apache": pem(body, line=" "),
        "haproxy": body,
        "traefik": body,
        "aws-alb": quote(pem(body), safe="+=/"),
        "aws-alb-passthrough": quote(pem(body), safe="+=/"),
        "rfc9440": f":{body}:",
        "cloudflare": f":{body}:",
        "envoy": f'By=spiffe://bank/api;Cert="{quote(pem(body), safe="")}";Subject="CN=mtls,O=\\"A, B\\"";URI=',
    }[form]
