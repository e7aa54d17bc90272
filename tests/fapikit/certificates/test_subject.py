"""The registered subject value against the certificate's: as structure, number or name, never as bare text."""

from __future__ import annotations

import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from fapikit.certificates.subject import SUBJECT_MEMBERS, check_subject_value, require_subject
from fapikit.errors import ConfigurationError, WrongCertificateSubject
from tests.mothers.certificates import a_certificate, a_name

SUBJECT = a_name(
    (NameOID.COUNTRY_NAME, "JP"),
    (NameOID.ORGANIZATION_NAME, "Fintech, Inc."),
    (NameOID.ORGANIZATION_IDENTIFIER, "PSDJP-FSA-1"),
    (NameOID.SERIAL_NUMBER, "0042"),
    (NameOID.COMMON_NAME, "fintech.example"),
)
CERTIFICATE = a_certificate(
    subject=SUBJECT,
    names=[
        x509.DNSName("client.example"),
        x509.DNSName("*.wild.example"),
        x509.UniformResourceIdentifier("https://fintech.example/Client"),
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.IPAddress(ipaddress.ip_network("198.51.100.0/24")),
        x509.RFC822Name("Pay@fintech.example"),
    ],
).certificate
DN = "tls_client_auth_subject_dn"

RIGHT = [
    (DN, r"CN=fintech.example,serialNumber=0042,organizationIdentifier=PSDJP-FSA-1,O=Fintech\, Inc.,C=JP"),
    (DN, r"cn=fintech.example,2.5.4.5=0042,2.5.4.97=PSDJP-FSA-1,o=Fintech\2C Inc.,c=JP"),
    (DN, r"CN=FINTECH.example,serialnumber=0042,organizationIdentifier=PSDJP-FSA-1,O=fintech\,  inc.,C=jp"),
    ("tls_client_auth_san_dns", "client.example"),
    ("tls_client_auth_san_dns", "Client.Example"),
    ("tls_client_auth_san_uri", "https://fintech.example/Client"),
    ("tls_client_auth_san_ip", "192.0.2.1"),
    ("tls_client_auth_san_ip", "2001:DB8:0:0:0:0:0:1"),
    ("tls_client_auth_san_email", "Pay@Fintech.example"),
]
WRONG = [
    (DN, r"CN=fintech.example,serialNumber=0042,organizationIdentifier=PSDJP-FSA-1,O=Fintech\, Inc."),
    (DN, r"C=JP,O=Fintech\, Inc.,organizationIdentifier=PSDJP-FSA-1,serialNumber=0042,CN=fintech.example"),
    (DN, r"CN=fintech.example,serialNumber=42,organizationIdentifier=PSDJP-FSA-1,O=Fintech\, Inc.,C=JP"),
    (DN, r"CN=fintech.example+serialNumber=0042,organizationIdentifier=PSDJP-FSA-1,O=Fintech\, Inc.,C=JP"),
    (DN, "CN=fintech.example"),
    (DN, r"OU=fintech.example,serialNumber=0042,organizationIdentifier=PSDJP-FSA-1,O=Fintech\, Inc.,C=JP"),
    ("tls_client_auth_san_dns", "fintech.example"),
    ("tls_client_auth_san_dns", "x.wild.example"),
    ("tls_client_auth_san_dns", "client.example."),
    ("tls_client_auth_san_uri", "https://fintech.example/client"),
    ("tls_client_auth_san_ip", "192.0.2.2"),
    ("tls_client_auth_san_ip", "198.51.100.1"),
    ("tls_client_auth_san_email", "pay@fintech.example"),
]


@pytest.mark.spec("RFC 8705 2.1")
@pytest.mark.parametrize(("member", "value"), RIGHT)
def test_the_certificate_has_the_registered_subject(member: str, value: str) -> None:
    require_subject(CERTIFICATE, member, value)
    check_subject_value(member, value)


@pytest.mark.spec("RFC 8705 2.1")
@pytest.mark.parametrize(("member", "value"), WRONG)
def test_the_certificate_has_another_subject(member: str, value: str) -> None:
    with pytest.raises(WrongCertificateSubject) as refused:
        require_subject(CERTIFICATE, member, value)
    assert refused.value.facts["registered"] == value


def test_several_attributes_in_one_part_are_a_set() -> None:
    subject = x509.Name(
        [
            x509.RelativeDistinguishedName(
                [x509.NameAttribute(NameOID.COMMON_NAME, "a+b"), x509.NameAttribute(NameOID.USER_ID, "7")]
            )
        ]
    )
    certificate = a_certificate(subject=subject).certificate
    require_subject(certificate, DN, r"CN=a\+b+UID=7")
    require_subject(certificate, DN, r"UID=7+CN=a\+b")
    with pytest.raises(WrongCertificateSubject):
        require_subject(certificate, DN, r"CN=a\+b,UID=7")


@pytest.mark.parametrize("member", SUBJECT_MEMBERS[1:])
def test_a_certificate_without_alternative_names(member: str) -> None:
    with pytest.raises(WrongCertificateSubject):
        require_subject(a_certificate().certificate, member, "192.0.2.1")


@pytest.mark.parametrize(
    ("member", "value"),
    [(DN, "fintech"), (DN, "CN=a,,O=b"), (DN, "NOSUCH=a"), (DN, ""), ("tls_client_auth_san_ip", "10.0.0"),
     ("tls_client_auth_san_ip", ""), ("tls_client_auth_san_dns", "")],
)  # fmt: skip
def test_a_value_that_no_certificate_can_have(member: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_subject_value(member, value)
    assert refused.value.facts["member"] == member
