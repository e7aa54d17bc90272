"""AWS Application Load Balancer: percent-encoded PEM, in which `+`, `=` and `/` are not encoded.

In verify mode the field is `X-Amzn-Mtls-Clientcert-Leaf`. In passthrough mode it is `X-Amzn-Mtls-Clientcert`, with
the whole chain, which the load balancer has not verified.
"""

from __future__ import annotations

from urllib.parse import unquote

from fapikit.certificates.forms.form import CertificateForm, Forwarded, leaf_first
from fapikit.certificates.pem import read_pem


def decode(value: str) -> Forwarded:
    """`+` stays `+`. Raises ValueError."""
    return leaf_first(read_pem(unquote(value, errors="strict")))


_BESIDE = tuple(
    f"x-amzn-mtls-clientcert-{part}" for part in ("serial-number", "issuer", "subject", "validity")
)
AWS_ALB = CertificateForm("aws-alb", "x-amzn-mtls-clientcert-leaf", decode, beside=_BESIDE)
AWS_ALB_PASSTHROUGH = CertificateForm("aws-alb-passthrough", "x-amzn-mtls-clientcert", decode)
