"""How each proxy encodes a client certificate in a header: one file for each. `FORMS` has them by name."""

from collections.abc import Mapping
from typing import Final

from fapikit.certificates.forms.apache import APACHE
from fapikit.certificates.forms.aws_alb import AWS_ALB, AWS_ALB_PASSTHROUGH
from fapikit.certificates.forms.cloudflare import CLOUDFLARE
from fapikit.certificates.forms.envoy import ENVOY
from fapikit.certificates.forms.form import CertificateForm
from fapikit.certificates.forms.haproxy import HAPROXY
from fapikit.certificates.forms.nginx import NGINX
from fapikit.certificates.forms.rfc9440 import RFC9440
from fapikit.certificates.forms.traefik import TRAEFIK

__all__ = ["FIELDS", "FORMS", "CertificateForm"]

FORMS: Final[Mapping[str, CertificateForm]] = {
    form.name: form
    for form in (NGINX, APACHE, HAPROXY, ENVOY, RFC9440, AWS_ALB, AWS_ALB_PASSTHROUGH, TRAEFIK, CLOUDFLARE)
}

FIELDS: Final = frozenset(
    name for form in FORMS.values() for name in (form.header, form.chain_header, *form.beside) if name
)
"""All fields in which these proxies describe a client certificate, in lower case."""
