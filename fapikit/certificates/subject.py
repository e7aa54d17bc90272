"""The comparison of a certificate with the subject value that a client registered.

A distinguished name is compared attribute by attribute, because RFC 4514 allows many spellings of one name. An IP
address is compared as a number, a DNS name and the domain of an email address without case, a URI exactly.

Spec: RFC 8705 2.1, 2.1.2, 2.1.2a; RFC 4514 3; RFC 5280 4.2.1.6, 7.1, 7.2
Role: C, AS
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from fapikit.errors import ConfigurationError, WrongCertificateSubject

_NAMES: Final[Mapping[str, ObjectIdentifier]] = {
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
    "EMAILADDRESS": NameOID.EMAIL_ADDRESS,
    "E": NameOID.EMAIL_ADDRESS,
    "SN": NameOID.SURNAME,
    "GN": NameOID.GIVEN_NAME,
    "GIVENNAME": NameOID.GIVEN_NAME,
    "TITLE": NameOID.TITLE,
    "S": NameOID.STATE_OR_PROVINCE_NAME,
    "POSTALCODE": NameOID.POSTAL_CODE,
    "BUSINESSCATEGORY": NameOID.BUSINESS_CATEGORY,
    "ORGANIZATIONIDENTIFIER": NameOID.ORGANIZATION_IDENTIFIER,
    "JURISDICTIONC": NameOID.JURISDICTION_COUNTRY_NAME,
    "JURISDICTIONCOUNTRYNAME": NameOID.JURISDICTION_COUNTRY_NAME,
    "JURISDICTIONST": NameOID.JURISDICTION_STATE_OR_PROVINCE_NAME,
    "JURISDICTIONL": NameOID.JURISDICTION_LOCALITY_NAME,
}
"""Names beside those of RFC 4514 3 that authorities of open banking and their tools write."""

_SEPARATED: Final = re.compile(r"(?:[^\\,+]|\\.)*[,+]?", re.DOTALL)
_Attribute = tuple[str, str]


def require_subject(certificate: x509.Certificate, member: str, value: str) -> None:
    """`member`: the metadata member. `value`: its registered value. Raises WrongCertificateSubject."""
    if not _MATCHES[member](certificate, value):
        raise WrongCertificateSubject(
            f"the certificate does not have the {member} that is registered for this client",
            clause="RFC 8705 2.1.2",
            facts={"registered": value, "subject": certificate.subject.rfc4514_string()},
        )


def read_subject(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """The one metadata member that names the subject, and its value. `metadata`: what a client registers.

    Raises ConfigurationError if there is not exactly one, or if no certificate can have its value.
    """
    named = [name for name in SUBJECT_MEMBERS if name in metadata]
    if len(named) != 1:
        raise ConfigurationError(
            f"tls_client_auth needs exactly one of {', '.join(SUBJECT_MEMBERS)}",
            clause="RFC 8705 2.1.2a",
            facts={"given": " ".join(named) or "none"},
        )
    member, value = named[0], str(metadata[named[0]])
    check_subject_value(member, value)
    return member, value


_EXAMPLES: Final = MappingProxyType(
    {
        "tls_client_auth_subject_dn": "CN=fintech.example,O=Fintech Ltd,C=GB (RFC 4514)",
        "tls_client_auth_san_ip": "192.0.2.1 or 2001:db8::1",
    }
)


def check_subject_value(member: str, value: str) -> None:
    """Raise ConfigurationError for a value that no certificate can have."""
    try:
        if member == "tls_client_auth_subject_dn":
            _parsed(value)
        elif member == "tls_client_auth_san_ip":
            ipaddress.ip_address(value)
    except ValueError as error:
        raise ConfigurationError(
            f"{member} cannot be read{f' ({error})' if str(error) else ''}: write it as {_EXAMPLES[member]}",
            clause="RFC 8705 2.1.2",
            facts={"member": member},
        ) from error
    if not value.strip():
        raise ConfigurationError(f"{member} is empty", clause="RFC 8705 2.1.2", facts={"member": member})


def _has_dn(certificate: x509.Certificate, value: str) -> bool:
    return comparable_name(certificate.subject) == comparable_name(_parsed(value))


def _parsed(value: str) -> x509.Name:
    """Raises ValueError."""
    # The case of attribute types does not matter (RFC 4514 2.3). The library demands capitals.
    return x509.Name.from_rfc4514_string(_capital_types(value), _NAMES)


def _capital_types(value: str) -> str:
    return "".join(_capital_type(part) for part in _SEPARATED.findall(value))


def _capital_type(part: str) -> str:
    name, equals, rest = part.partition("=")
    return f"{name.strip().upper()}{equals}{rest}"


def comparable_name(name: x509.Name) -> tuple[frozenset[_Attribute], ...]:
    """Equal for two names that RFC 5280 7.1 takes for one, however they are spelled."""
    return tuple(
        frozenset((attribute.oid.dotted_string, _prepared(attribute.value)) for attribute in rdn)
        for rdn in name.rdns
    )


def _prepared(value: str | bytes) -> str:
    """The text for the comparison of RFC 5280 7.1, which ignores case and repeated spaces."""
    text = value if isinstance(value, str) else value.hex()
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _names(certificate: x509.Certificate, kind: type[Any]) -> list[Any]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return list(extension.value.get_values_for_type(kind))


def _has_dns(certificate: x509.Certificate, value: str) -> bool:
    return value.lower() in [name.lower() for name in _names(certificate, x509.DNSName)]


def _has_uri(certificate: x509.Certificate, value: str) -> bool:
    return value in _names(certificate, x509.UniformResourceIdentifier)


def _has_ip(certificate: x509.Certificate, value: str) -> bool:
    wanted = ipaddress.ip_address(value).packed
    return wanted in [name.packed for name in _names(certificate, x509.IPAddress) if hasattr(name, "packed")]


def _has_email(certificate: x509.Certificate, value: str) -> bool:
    return _address(value) in [_address(name) for name in _names(certificate, x509.RFC822Name)]


def _address(value: str) -> tuple[str, str]:
    local, _, domain = value.rpartition("@")
    return local, domain.lower()


_MATCHES: Final[Mapping[str, Callable[[x509.Certificate, str], bool]]] = {
    "tls_client_auth_subject_dn": _has_dn,
    "tls_client_auth_san_dns": _has_dns,
    "tls_client_auth_san_uri": _has_uri,
    "tls_client_auth_san_ip": _has_ip,
    "tls_client_auth_san_email": _has_email,
}
SUBJECT_MEMBERS: Final = tuple(_MATCHES)
"""A client registers exactly one of these for `tls_client_auth` (RFC 8705 2.1.2)."""
