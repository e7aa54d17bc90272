"""The certificates that two RFCs print, and how each proxy would write one of them."""

from __future__ import annotations

import base64
from urllib.parse import quote

RFC8705_THUMBPRINT = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
RFC8705_BASE64 = (
    "MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAxODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsG"
    "A1UEAwwEbXRsczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ/Au08/coZwxS7LfA"
    "4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwIDSQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA"
    "5x2eXZOVbUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY="
)
"""RFC 8705 appendix A, figure 6. It has `+` and `/`, which careless decoders lose."""
RFC9440_BASE64 = (
    "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVy"
    "bWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0D"
    "AQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYD"
    "VR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIw"
    "HQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCO"
    "OB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk="
)
"""The end-entity certificate of RFC 9440 appendix A, figure 1; figure 2 has it between colons."""
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
