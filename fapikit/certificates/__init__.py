"""Client certificates: their type, their forwarding by a proxy, the check of the chain, and the match of the subject.

`certificate` is the value. `forms/` has one file for each proxy that hands a certificate on in a header. `header`
reads such a header under a rule of trust (`trust`). `subject` and `chain` are for who authenticates clients by
certificate.
"""

from fapikit.certificates.certificate import ClientCertificate
from fapikit.certificates.forms import CertificateForm
from fapikit.certificates.header import CertificateHeader
from fapikit.certificates.trust import ProxyTrust

__all__ = ["CertificateForm", "CertificateHeader", "ClientCertificate", "ProxyTrust"]
