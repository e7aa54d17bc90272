"""A certificate in a header counts only from the proxy that is trusted, and only where it is unambiguous."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from fapikit.certificates import CertificateHeader, ClientCertificate, ProxyTrust
from fapikit.errors import CertificateHeaderRefused, ConfigurationError
from fapikit.secrets import Secret
from tests.fapikit.certificates.vectors import (
    RFC8705_BASE64,
    RFC8705_DER,
    RFC8705_THUMBPRINT,
    RFC9440_BASE64,
    RFC9440_DER,
    written_by,
)
from tests.mothers.certificates import a_certificate, unreadable

NEAR = "10.0.3.7"
TRUST = ProxyTrust.of(["10.0.3.0/24", "fd00::/64"])
SECRET = "s" * 32
FIELD = ("x-ssl-client-cert", written_by("nginx", RFC8705_BASE64))


def nginx(**options: Any) -> CertificateHeader:
    return CertificateHeader("nginx", **{"trust": TRUST, **options})


def read(
    header: CertificateHeader, *fields: tuple[str, str], peer: str | None = NEAR, direct: bool = False
) -> Any:
    return header.read(fields, peer=peer, direct=direct)


def test_the_trusted_proxy_hands_a_certificate_on() -> None:
    certificate, strip = read(nginx(), FIELD)
    assert certificate == ClientCertificate(RFC8705_THUMBPRINT, RFC8705_DER)
    assert not certificate.verified
    assert strip == frozenset()


def test_no_field_and_an_empty_one_say_that_there_is_no_certificate() -> None:
    assert read(nginx()) == (None, frozenset())
    assert read(nginx(), ("x-ssl-client-cert", "")) == (None, frozenset())
    apache = CertificateHeader("apache", trust=TRUST)
    assert read(apache, ("x-ssl-client-cert", "(null)")).certificate is None
    with pytest.raises(CertificateHeaderRefused):
        read(nginx(), ("x-ssl-client-cert", "(null)"))


@pytest.mark.spec("RFC 9440 4")
@pytest.mark.parametrize("peer", ["10.0.4.7", "127.0.0.1", "::1", "", "unknown", None, "10.0.3.7, 10.0.3.8"])
def test_a_field_from_anybody_else_counts_for_nothing_and_is_taken_out(peer: str | None) -> None:
    certificate, strip = read(nginx(), FIELD, peer=peer)
    assert certificate is None
    assert {"x-ssl-client-cert", "x_ssl_client_cert"} <= strip


@pytest.mark.parametrize("peer", ["10.0.3.255", "::ffff:10.0.3.7", "fd00::1"])
def test_the_ways_in_which_a_trusted_address_is_written(peer: str) -> None:
    assert read(nginx(), FIELD, peer=peer).certificate is not None


REFUSED = {
    "twice": ([FIELD, FIELD], False, "more than once"),
    "with underscores": ([FIELD, ("x_ssl_client_cert", FIELD[1])], False, "underscores"),
    "with underscores alone": ([("X_SSL_Client_Cert", FIELD[1])], False, "underscores"),
    "too long": ([("x-ssl-client-cert", "A" * (16 * 1024 + 1))], False, "longer than 16384"),
    "beside a certificate of the connection": ([FIELD], True, "its own client certificate"),
    "in another form": ([("x-ssl-client-cert", f":{RFC8705_BASE64}:")], False, "not as nginx writes it"),
    "no certificate": ([("x-ssl-client-cert", written_by("nginx", "AAAA"))], False, "not an X.509"),
}


@pytest.mark.parametrize(("fields", "direct", "told"), REFUSED.values(), ids=REFUSED)
def test_refuses(fields: list[tuple[str, str]], direct: bool, told: str) -> None:
    with pytest.raises(CertificateHeaderRefused, match=told) as refused:
        read(nginx(), *fields, direct=direct)
    assert refused.value.code == "invalid_request"
    assert refused.value.facts["header"] == "x-ssl-client-cert"


def test_the_name_of_the_field_may_be_another() -> None:
    header = nginx(header="Ssl-Client-Cert")
    assert read(header, ("SSL-Client-Cert", FIELD[1])).certificate is not None
    assert read(header, FIELD).certificate is None


def test_a_chain_comes_in_a_field_of_its_own() -> None:
    header = CertificateHeader("rfc9440", trust=TRUST)
    own, further = ("client-cert", f":{RFC8705_BASE64}:"), ("client-cert-chain", f":{RFC9440_BASE64}:")
    assert read(header, own, further).certificate.chain == (RFC9440_DER,)
    assert read(header, own).certificate.chain == ()
    with pytest.raises(CertificateHeaderRefused, match="list"):
        read(header, own, ("client-cert-chain", "x"))
    with pytest.raises(CertificateHeaderRefused, match="more than once"):
        read(header, own, further, further)


def test_verified_is_the_proxy_s_word_where_the_rule_says_so() -> None:
    always = nginx(verified=True)
    told = nginx(verified=("X-SSL-Client-Verify", "SUCCESS"))
    assert read(always, FIELD).certificate.verified
    assert read(told, FIELD, ("x-ssl-client-verify", "SUCCESS")).certificate.verified
    for other in ("FAILED:self signed", "", "success", "NONE"):
        assert not read(told, FIELD, ("x-ssl-client-verify", other)).certificate.verified
    assert not read(told, FIELD).certificate.verified
    with pytest.raises(CertificateHeaderRefused, match="more than once"):
        read(told, FIELD, *[("x-ssl-client-verify", "SUCCESS")] * 2)


def test_a_secret_field_of_the_proxy() -> None:
    header = nginx(trust=ProxyTrust.of(secret=("X-Proxy-Secret", SECRET)))
    assert "x-proxy-secret" in header.names
    certificate, strip = read(header, FIELD, ("x-proxy-secret", SECRET), peer="192.0.2.1")
    assert certificate is not None
    assert strip == {"x-proxy-secret"}
    for sent in ([], [("x-proxy-secret", "t" * 32)], [("x-proxy-secret", SECRET)] * 2):
        certificate, strip = read(header, FIELD, *sent, peer="192.0.2.1")
        assert certificate is None
        assert {"x-ssl-client-cert", "x-proxy-secret"} <= strip
    assert SECRET not in repr(header) + repr(header.__dict__)


def test_a_unix_socket_has_no_address() -> None:
    header = nginx(trust=ProxyTrust.of(unix_socket=True))
    assert read(header, FIELD, peer=None).certificate is not None
    assert read(header, FIELD, peer="").certificate is not None
    assert read(header, FIELD, peer="127.0.0.1").certificate is None


def test_every_part_of_the_trust_must_hold() -> None:
    header = nginx(trust=ProxyTrust.of(["10.0.3.0/24"], secret=("x-proxy-secret", Secret(SECRET))))
    secret = ("x-proxy-secret", SECRET)
    assert read(header, FIELD, secret).certificate is not None
    assert read(header, FIELD).certificate is None
    assert read(header, FIELD, secret, peer="10.0.4.1").certificate is None


def test_envoy_s_hash_is_the_thumbprint_and_must_fit_the_certificate() -> None:
    header = CertificateHeader("envoy", trust=TRUST)
    digest = hashlib.sha256(RFC8705_DER).hexdigest()
    alone = read(header, ("x-forwarded-client-cert", f"Hash={digest}")).certificate
    assert (alone.thumbprint, alone.der) == (RFC8705_THUMBPRINT, None)
    both = written_by("envoy", RFC8705_BASE64)
    assert read(header, ("x-forwarded-client-cert", f"{both};Hash={digest}")).certificate.der == RFC8705_DER
    with pytest.raises(CertificateHeaderRefused, match="another certificate"):
        read(header, ("x-forwarded-client-cert", f"{both};Hash={'0' * 64}"))


def test_a_certificate_of_a_version_that_does_not_exist() -> None:
    der = unreadable("a version that does not exist", a_certificate().der)
    value = base64.b64encode(der).decode()
    with pytest.raises(CertificateHeaderRefused, match=r"not an X\.509 certificate"):
        read(CertificateHeader("haproxy", trust=TRUST), ("x-ssl-client-cert", value))


def test_what_is_remembered_is_bounded_and_differs_by_chain_and_word() -> None:
    told = nginx(verified=("x-ssl-client-verify", "SUCCESS"))
    first = read(told, FIELD, ("x-ssl-client-verify", "SUCCESS")).certificate
    assert read(told, FIELD, ("x-ssl-client-verify", "SUCCESS")).certificate is first
    assert not read(told, FIELD, ("x-ssl-client-verify", "NONE")).certificate.verified


WRONG: dict[str, Any] = {
    "nobody is trusted": lambda: ProxyTrust.of(),
    "everybody is trusted": lambda: ProxyTrust.of(["0.0.0.0/0"]),
    "everybody of IPv6 is trusted": lambda: ProxyTrust.of(["10.0.0.0/8", "::/0"]),
    "a text for a list": lambda: ProxyTrust.of("10.0.0.0/8"),
    "no network": lambda: ProxyTrust.of(["nginx"]),
    "a network with host bits": lambda: ProxyTrust.of(["10.0.0.1/8"]),
    "address and unix socket": lambda: ProxyTrust.of(["10.0.0.0/8"], unix_socket=True),
    "a short secret": lambda: ProxyTrust.of(secret=("x-proxy-secret", "short")),
    "an unknown form": lambda: CertificateHeader("ngnix", trust=TRUST),
    "an underscore": lambda: nginx(header="ssl_client_cert"),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_refuses_a_rule_that_would_let_forgeries_through(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()
