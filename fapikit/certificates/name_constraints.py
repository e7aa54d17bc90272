"""The distinguished names that an authority may certify, where the authority above it has said so.

The library judges the constraints on the alternative names of a certificate. Of those on the subject it refuses the
critical ones, and passes over the others. A client may be known by its subject, so those are judged here.

Spec: RFC 5280 4.2.1.10, 6.1.3, 6.1.4
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cryptography import x509

from fapikit.certificates.subject import comparable_name
from fapikit.errors import UntrustedCertificate

_CLAUSE = "RFC 5280 4.2.1.10"


def require_permitted(chain: Sequence[x509.Certificate]) -> None:
    """`chain`: the client's certificate first. Raises UntrustedCertificate."""
    for height, authority in enumerate(chain):
        constraints = _constraints_of(authority)
        if constraints is None:
            continue
        permitted = list(_names(constraints.permitted_subtrees or ()))
        excluded = list(_names(constraints.excluded_subtrees or ()))
        for certificate in chain[:height]:
            outside = bool(permitted) and not _is_under(certificate.subject, permitted)
            if outside or _is_under(certificate.subject, excluded):
                raise UntrustedCertificate(
                    "an authority in the chain may not certify this name",
                    clause=_CLAUSE,
                    facts={
                        "authority": authority.subject.rfc4514_string(),
                        "subject": certificate.subject.rfc4514_string(),
                    },
                )


def _constraints_of(authority: x509.Certificate) -> x509.NameConstraints | None:
    try:
        return authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None


def _names(subtrees: Iterable[x509.GeneralName]) -> Iterable[x509.Name]:
    return (subtree.value for subtree in subtrees if isinstance(subtree, x509.DirectoryName))


def _is_under(name: x509.Name, bases: Iterable[x509.Name]) -> bool:
    whole = comparable_name(name)
    return any(whole[: len(base.rdns)] == comparable_name(base) for base in bases)
