"""What a client registers to be known by its certificate, and where it does so."""

from __future__ import annotations

import base64
import ssl
from ipaddress import ip_address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fapikit import FAPI2_SECURITY, HttpSettings, KeyRing, TlsClientCertificate
from fapikit.errors import ConfigurationError, UnusableKey
from fapikit.jose.x5c import read_certificate
from rpkit import ClientKeys, certificate_metadata
from rpkit.registration.registration import check_request
from tests.fapikit.certificates.vectors import RFC8705_BASE64, pem
from tests.keys import a_key
from tests.mothers.certificates import Made, a_certificate, an_authority, as_client_certificate
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.mutual_tls.parties import CA, MINE, NEXT, NOW, SELF_SIGNED

MIDDLE = an_authority("Intermediate CA", issuer=CA, now=NOW)
NAMED = a_certificate(
    issuer=MIDDLE,
    now=NOW,
    names=[
        x509.DNSName("fintech.example"),
        x509.UniformResourceIdentifier("https://fintech.example/id"),
        x509.IPAddress(ip_address("2001:db8::1")),
        x509.RFC822Name("ops@fintech.example"),
    ],
)
ASKED = {"redirect_uris": ["https://fintech.example/callback"], "id_token_signed_response_alg": "ES256"}


@pytest.mark.spec("RFC 8705 2.2.2")
def test_the_jwk_of_rfc_8705_appendix_a() -> None:
    """Figure 7 is the key of figure 6, and has it as x5c."""
    own = TlsClientCertificate.in_context(
        ssl.create_default_context(), pem(RFC8705_BASE64).encode(), clock=lambda: 1_600_000_000.0
    )
    jwk = own.public_jwk
    assert {name: jwk[name] for name in ("kty", "crv", "x", "y", "x5c")} == {
        "kty": "EC",
        "crv": "P-256",
        "x": "1yfLHCpXqFjxCeHHHMVDTcLscpb07KUxudBmOMn8C7Q",
        "y": "8_coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8",
        "x5c": [RFC8705_BASE64],
    }


KEYS: dict[str, Any] = {
    "EC": ec.generate_private_key(ec.SECP384R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
}


@pytest.mark.parametrize("kty", KEYS)
def test_the_jwk_is_one_that_servers_read(kty: str) -> None:
    made = a_certificate(issuer=MIDDLE, key=KEYS[kty], now=NOW)
    jwk = as_client_certificate(made, MIDDLE).public_jwk
    assert jwk["kty"] == kty
    assert read_certificate(jwk) == made.der
    assert [base64.b64decode(one) for one in jwk["x5c"]] == [made.der, MIDDLE.der]
    assert "d" not in jwk


def test_a_key_that_no_jwk_is_for_has_none() -> None:
    odd = a_certificate(key=ec.generate_private_key(ec.BrainpoolP256R1()), now=NOW)
    with pytest.raises(UnusableKey):
        TlsClientCertificate.in_context(ssl.create_default_context(), odd.pem.encode()).public_jwk  # noqa: B018


SUBJECTS = [
    {},
    {"tls_client_auth_subject_dn": "cn=fintech, o=FINTECH, c=jp"},
    {"tls_client_auth_san_dns": "fintech.example"},
    {"tls_client_auth_san_uri": "https://fintech.example/id"},
    {"tls_client_auth_san_ip": "2001:DB8:0::1"},
    {"tls_client_auth_san_email": "ops@fintech.example"},
]


@pytest.mark.spec("RFC 8705 2.1.2a", "RFC 8705 3.4")
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_a_client_is_known_by_one_value_of_its_certificate(subject: dict[str, str]) -> None:
    made = certificate_metadata(as_client_certificate(NAMED, MIDDLE), "tls_client_auth", **subject)
    check_request({**ASKED, **made}, FAPI2_SECURITY)
    expected = subject or {"tls_client_auth_subject_dn": "CN=fintech,O=Fintech,C=JP"}
    assert made == {
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_certificate_bound_access_tokens": True,
        **expected,
    }


def test_a_client_is_known_by_its_own_certificate_or_by_something_else() -> None:
    own = as_client_certificate(SELF_SIGNED)
    made = certificate_metadata(own, "self_signed_tls_client_auth", bound=False)
    check_request({**ASKED, **made}, FAPI2_SECURITY)
    assert made == {
        "token_endpoint_auth_method": "self_signed_tls_client_auth",
        "jwks": {"keys": [own.public_jwk]},
    }
    assert certificate_metadata(own) == {"tls_client_certificate_bound_access_tokens": True}


REFUSED_SUBJECTS: dict[str, tuple[str, dict[str, str], str]] = {
    "not in the certificate": (
        "tls_client_auth",
        {"tls_client_auth_san_dns": "other.example"},
        "does not have",
    ),
    "two": (
        "tls_client_auth",
        {"tls_client_auth_san_dns": "fintech.example", "tls_client_auth_san_ip": "2001:db8::1"},
        "exactly one",
    ),
    "not an address": ("tls_client_auth", {"tls_client_auth_san_ip": "fintech.example"}, "cannot be read"),
    "unknown": ("tls_client_auth", {"san_dns": "fintech.example"}, "exactly one"),
    "another method": ("private_key_jwt", {}, "does not use certificates"),
}


@pytest.mark.parametrize(("method", "subject", "told"), REFUSED_SUBJECTS.values(), ids=REFUSED_SUBJECTS)
def test_members_that_no_bank_could_know_the_client_by(
    method: str, subject: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        certificate_metadata(as_client_certificate(NAMED, MIDDLE), method, **subject)


def jwk_of(made: Made, **changes: Any) -> dict[str, Any]:
    return {**as_client_certificate(made).public_jwk, **changes}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no subject": ({"token_endpoint_auth_method": "tls_client_auth"}, "RFC 8705 2.1.2a"),
    "a subject that cannot be read": (
        {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "fintech"},
        "RFC 8705 2.1.2",
    ),
    "no keys": ({"token_endpoint_auth_method": "self_signed_tls_client_auth"}, "RFC 8705 2.2.2"),
    "no certificate": (
        {
            "token_endpoint_auth_method": "self_signed_tls_client_auth",
            "jwks": {"keys": [dict(a_key().public_jwk)]},
        },
        "RFC 8705 2.2.2",
    ),
    "a certificate of another key": (
        {
            "token_endpoint_auth_method": "self_signed_tls_client_auth",
            "jwks": {"keys": [jwk_of(SELF_SIGNED, x5c=jwk_of(MINE)["x5c"])]},
        },
        "RFC 8705 2.2.2",
    ),
}


@pytest.mark.spec("RFC 8705 2.1.2a", "RFC 8705 2.2.2")
@pytest.mark.parametrize(("members", "clause"), REFUSED.values(), ids=REFUSED)
def test_a_registration_that_could_not_work_is_not_sent(members: dict[str, Any], clause: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_request({**ASKED, **members}, FAPI2_SECURITY)
    assert refused.value.clause == clause


def test_certificates_are_published_beside_the_keys() -> None:
    current, upcoming = as_client_certificate(MINE), as_client_certificate(NEXT)
    keys = ClientKeys(KeyRing(a_key()), certificates=[current, upcoming])
    certified = [as_client_certificate(MINE).public_jwk, upcoming.public_jwk]
    assert keys.jwks()["keys"] == [dict(a_key().public_jwk), *certified]
    current.replace(as_client_certificate(NEXT))
    assert keys.jwks()["keys"] == [dict(a_key().public_jwk), upcoming.public_jwk]


@pytest.mark.spec("RFC 8705 5")
@pytest.mark.parametrize("shown", [True, False])
def test_a_client_with_a_certificate_registers_at_the_alias(
    shown: bool, clients: Clients, bank: FakeBank
) -> None:
    bank.faults["metadata"] = lambda members: {
        **members,
        "mtls_endpoint_aliases": {"registration_endpoint": "https://mtls.bank.example/register"},
    }
    http = bank.http()
    if not shown:
        http = HttpSettings(client=http.client, async_client=http.async_client)
    wanted = {**ASKED, **certificate_metadata(as_client_certificate(MINE), "tls_client_auth", bound=False)}
    bank.faults["register_answer"] = lambda call: (201, {}, {**wanted, "client_id": "c1"})
    assert clients.once("register", bank.issuer, wanted, http=http).client_id == "c1"
    host = "mtls.bank.example" if shown else "bank.example"
    assert bank.calls("register")[-1].headers["host"] == host
