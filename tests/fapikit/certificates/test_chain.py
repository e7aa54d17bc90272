"""Which client certificates are believed: valid now, fit for their use, under the client CA, not revoked."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fapikit.certificates.chain import ClientAuthorities, load_certificate, require_fit
from fapikit.errors import (
    CertificateNotValidNow,
    ConfigurationError,
    RevocationUndecided,
    RevokedCertificate,
    UnfitCertificate,
    UntrustedCertificate,
)
from tests.mothers.certificates import (
    NOW,
    UNREADABLE,
    Made,
    a_certificate,
    a_crl,
    a_name,
    an_authority,
    unreadable,
    usage,
)

DAY = dt.timedelta(days=1)
CA = an_authority()
MIDDLE = an_authority("Intermediate CA", issuer=CA)


def fit(made: Made) -> None:
    require_fit(load_certificate(made.der), NOW)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"extended": None},
        {"extended": [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]},
        {"extended": [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]},
        {"key_usage": usage(digital_signature=True)},
    ],
)
def test_fit_for_a_client(options: dict[str, Any]) -> None:
    fit(a_certificate(**options))


UNFIT = {
    "expired": ({"valid_for": -dt.timedelta(hours=1)}, CertificateNotValidNow, "expired"),
    "not yet valid": ({"valid_from": DAY}, CertificateNotValidNow, "not valid before"),
    "for servers alone": ({"extended": [ExtendedKeyUsageOID.SERVER_AUTH]}, UnfitCertificate, "clientAuth"),
    "for encryption alone": (
        {"key_usage": usage(key_encipherment=True)},
        UnfitCertificate,
        "digitalSignature",
    ),
    "short RSA": ({"key": rsa.generate_private_key(65537, 1024)}, UnfitCertificate, "1024 bits"),
    "a DSA key": ({"key": dsa.generate_private_key(2048)}, UnfitCertificate, "RSA, EC"),
    "short EC": ({"key": ec.generate_private_key(ec.SECP192R1())}, UnfitCertificate, "192 bits"),
}


@pytest.mark.parametrize(("options", "error", "told"), UNFIT.values(), ids=UNFIT)
def test_refuses_one_that_is_not_fit(options: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        fit(a_certificate(**options))


def test_octets_that_are_no_certificate() -> None:
    with pytest.raises(UnfitCertificate):
        load_certificate(b"\x30\x00")


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_certificate_with_a_part_that_cannot_be_read(kind: str) -> None:
    with pytest.raises(UnfitCertificate, match="that can be read"):
        load_certificate(unreadable(kind, a_certificate().der))


def verify(leaf: Made, *chain: Made, ca: Made = CA, crls: str = "", now: float = NOW) -> None:
    authorities = ClientAuthorities.from_pem(ca.pem.encode(), crls.encode() or None)
    authorities.verify(leaf.certificate, [made.certificate for made in chain], now)


@pytest.mark.spec("RFC 8705 2.1")
def test_under_the_client_ca_directly_or_not() -> None:
    verify(a_certificate(issuer=CA))
    verify(a_certificate(issuer=CA, extended=None))
    verify(a_certificate(issuer=MIDDLE), MIDDLE)


def test_not_under_the_client_ca() -> None:
    other = an_authority()  # of the same name
    selfmade = a_certificate(ca=True)
    for leaf, chain in (
        (a_certificate(), ()),
        (a_certificate(issuer=other), ()),
        (a_certificate(issuer=other), (other,)),
        (a_certificate(issuer=MIDDLE), ()),
        # Self-signed with CA:TRUE, it mints a leaf with somebody else's subject.
        (a_certificate(issuer=selfmade), (selfmade,)),
        # A client of ours plays authority.
        (a_certificate(issuer=a_certificate(issuer=CA)), (a_certificate(issuer=CA),)),
    ):
        with pytest.raises(UntrustedCertificate) as refused:
            verify(leaf, *chain)
        assert refused.value.code == "invalid_client"


def test_a_chain_that_is_too_long() -> None:
    with pytest.raises(UntrustedCertificate, match="too long"):
        verify(a_certificate(issuer=CA), *[MIDDLE] * 9)


def test_a_revoked_certificate() -> None:
    crl = a_crl(CA, 7)
    verify(a_certificate(issuer=CA, serial=8), crls=crl)
    with pytest.raises(RevokedCertificate):
        verify(a_certificate(issuer=CA, serial=7), crls=crl)
    # A list says nothing of another issuer's serial numbers.
    verify(a_certificate(issuer=MIDDLE, serial=7), MIDDLE, crls=crl)


def test_a_revoked_intermediate() -> None:
    with pytest.raises(RevokedCertificate):
        verify(
            a_certificate(issuer=MIDDLE),
            MIDDLE,
            crls=a_crl(CA, MIDDLE.certificate.serial_number),
        )


def test_an_authority_that_the_one_above_it_has_revoked() -> None:
    """It is trusted itself, so the chain ends there. Its own list cannot be given otherwise."""
    crls = a_crl(CA, MIDDLE.certificate.serial_number) + a_crl(MIDDLE)
    for pem in (CA.pem + MIDDLE.pem, MIDDLE.pem + CA.pem):
        authorities = ClientAuthorities.from_pem(pem.encode(), crls.encode())
        authorities.verify(a_certificate(issuer=CA).certificate, [], NOW)
        for sent in ([], [MIDDLE.certificate]):
            with pytest.raises(RevokedCertificate):
                authorities.verify(a_certificate(issuer=MIDDLE).certificate, sent, NOW)


def distribution_point(**only: Any) -> x509.IssuingDistributionPoint:
    said = {"only_some_reasons": None, **dict.fromkeys(POINT_FLAGS, False), **only}
    return x509.IssuingDistributionPoint(full_name=None, relative_name=None, **said)


POINT_FLAGS = (
    "only_contains_user_certs",
    "only_contains_ca_certs",
    "indirect_crl",
    "only_contains_attribute_certs",
)
PARTS: dict[str, x509.ExtensionType] = {
    "changes alone": x509.DeltaCRLIndicator(1),
    "some reasons": distribution_point(only_some_reasons=frozenset([x509.ReasonFlags.key_compromise])),
    "of other issuers": distribution_point(indirect_crl=True),
    "attribute certificates": distribution_point(only_contains_attribute_certs=True),
    "unknown": x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
}


@pytest.mark.parametrize("says", PARTS.values(), ids=PARTS)
def test_a_list_that_says_that_it_is_not_the_whole_one(says: x509.ExtensionType) -> None:
    verify(a_certificate(issuer=CA), crls=a_crl(CA, says=distribution_point(only_contains_user_certs=True)))
    with pytest.raises(ConfigurationError, match="cannot decide"):
        verify(a_certificate(issuer=CA), crls=a_crl(CA, says=says))


ALPHA, BETA = (
    a_name((NameOID.COUNTRY_NAME, "JP"), (NameOID.ORGANIZATION_NAME, name)) for name in ("Alpha", "Beta")
)


def of_organisation(name: str) -> x509.Name:
    country, organisation = a_name((NameOID.COUNTRY_NAME, "JP"), (NameOID.ORGANIZATION_NAME, name)).rdns
    return x509.Name([country, organisation, *a_name((NameOID.COMMON_NAME, "pay")).rdns])


@pytest.mark.spec("RFC 5280 4.2.1.10")
@pytest.mark.parametrize(
    "constraints",
    [
        x509.NameConstraints([x509.DirectoryName(ALPHA)], None),
        x509.NameConstraints(None, [x509.DirectoryName(BETA)]),
    ],
    ids=["permitted", "excluded"],
)
def test_an_authority_that_may_certify_some_names_alone(constraints: x509.NameConstraints) -> None:
    """Whoever holds it would else be every client of the bank."""
    bound = an_authority("Alpha's", issuer=CA, constraints=constraints)
    verify(a_certificate(issuer=bound, subject=of_organisation("Alpha")), bound)
    verify(a_certificate(issuer=bound, subject=of_organisation("ALPHA ")), bound)
    below = an_authority("Alpha's own", issuer=bound)
    if constraints.excluded_subtrees:
        verify(a_certificate(issuer=below, subject=of_organisation("Alpha")), below, bound)
    beta = of_organisation("beta ")
    for leaf, chain in (
        (a_certificate(issuer=bound, subject=beta), [bound]),
        (a_certificate(issuer=below, subject=beta), [below, bound]),
    ):
        with pytest.raises(UntrustedCertificate, match="may not certify"):
            verify(leaf, *chain)
    with pytest.raises(UntrustedCertificate, match="may not certify"):
        verify(a_certificate(issuer=bound, subject=beta), ca=bound)


def test_a_list_out_of_date_decides_nothing() -> None:
    crl = a_crl(CA, lasts=DAY)
    verify(a_certificate(issuer=CA), crls=crl)
    with pytest.raises(RevocationUndecided, match="out of date"):
        verify(a_certificate(issuer=CA), crls=crl, now=NOW + 86_401)


def test_several_authorities_and_lists() -> None:
    other = an_authority("Other CA")
    pem, crls = CA.pem + other.pem, a_crl(CA, 7) + a_crl(other, 8)
    authorities = ClientAuthorities.from_pem(pem.encode(), crls.encode() or None)
    authorities.verify(a_certificate(issuer=other, serial=7).certificate, [], NOW)
    with pytest.raises(RevokedCertificate):
        authorities.verify(a_certificate(issuer=other, serial=8).certificate, [], NOW)


@pytest.mark.parametrize(
    ("pem", "crls", "told"),
    [
        ("", "", "cannot be read"),
        ("nonsense", "", "cannot be read"),
        (CA.pem, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "cannot be read"),
        (CA.pem, a_crl(an_authority()), "signed by no authority"),
        (CA.pem, "\n", "a list is missing, or not whole"),
        (CA.pem, a_crl(CA)[:-30], "a list is missing, or not whole"),
        (CA.pem, a_crl(CA) + a_crl(CA)[:-30], "a list is missing, or not whole"),
    ],
)
def test_a_ca_or_a_list_that_cannot_be_used(pem: str, crls: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        ClientAuthorities.from_pem(pem.encode(), crls.encode() or None)


def test_a_ca_without_certificates() -> None:
    with pytest.raises(ConfigurationError, match="no certificate"):
        ClientAuthorities([])
