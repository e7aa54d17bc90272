"""The client's certificate: which forms are taken, which are refused at once, and what a server sees of it."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import hashlib
import pickle
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from fapikit import HttpSettings, Secret, TlsClientCertificate
from fapikit.errors import (
    CertificateNotValidNow,
    ConfigurationError,
    Remedy,
    UnfitCertificate,
    Unreachable,
    UnusablePrivateKey,
)
from fapikit.flow import http
from fapikit.http_message import HttpRequest
from fapikit.io import AsyncDriver, SyncDriver
from fapikit.io.tls import client_context, server_context
from fapikit.profiles import FAPI1_ADVANCED, FAPI2_SECURITY
from tests.fapikit.certificates.vectors import RFC8705_BASE64, RFC8705_THUMBPRINT, pem
from tests.fapikit.io.test_tls import QuickServer
from tests.keys import b64
from tests.mothers.bank_server import serving
from tests.mothers.certificates import Made, a_certificate, an_authority
from tests.mothers.mtls_bank import SERVER_CA_PEM, server_tls

NOW = time.time()
CLIENT_CA = an_authority(now=NOW)
MIDDLE = an_authority("Intermediate CA", issuer=CLIENT_CA, now=NOW)
MINE = a_certificate(issuer=MIDDLE, now=NOW)
OTHER = a_certificate(issuer=CLIENT_CA, now=NOW, key=rsa.generate_private_key(65537, 2048))
SERVER_CA = trustme.CA()
CA_PEM = SERVER_CA.cert_pem.bytes()
PASSWORD = "a p4ssword, ünusual"


def encrypted(made: Made) -> bytes:
    return made.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "cert.pem").write_text(MINE.pem + MIDDLE.pem)
    (tmp_path / "key.pem").write_text(MINE.key_pem)
    (tmp_path / "locked.pem").write_bytes(encrypted(MINE))
    (tmp_path / "both.pem").write_text(MINE.pem + MIDDLE.pem + MINE.key_pem)
    (tmp_path / "mine.p12").write_bytes(MINE.pkcs12(PASSWORD, MIDDLE))
    return tmp_path


def of_own_context(_files: Path) -> TlsClientCertificate:
    context = client_context(ca=CA_PEM)
    context.load_cert_chain(_files / "cert.pem", _files / "key.pem")
    return TlsClientCertificate.in_context(context, _files / "cert.pem")


FORMS: dict[str, Any] = {
    "a PEM pair": lambda f: TlsClientCertificate.from_pem(f / "cert.pem", str(f / "key.pem")),
    "a PEM pair with a password": lambda f: TlsClientCertificate.from_pem(
        f / "cert.pem", f / "locked.pem", password=Secret(PASSWORD)
    ),
    "one PEM file": lambda f: TlsClientCertificate.from_pem(f / "both.pem"),
    "the octets of PEM": lambda _: TlsClientCertificate.from_pem(
        (MINE.pem + MIDDLE.pem).encode(), MINE.key_pem.encode()
    ),
    "PKCS#12": lambda f: TlsClientCertificate.from_pkcs12(f / "mine.p12", PASSWORD),
    "the octets of PKCS#12": lambda _: TlsClientCertificate.from_pkcs12(
        MINE.pkcs12(PASSWORD, MIDDLE), Secret(PASSWORD)
    ),
    "a context": of_own_context,
}


def demanding(folder: Path) -> ssl.SSLContext:
    """Of a server that takes certificates under the client CA alone."""
    made = SERVER_CA.issue_cert("localhost")
    made.private_key_pem.write_to_path(folder / "server-key.pem")
    made.cert_chain_pems[0].write_to_path(folder / "server-cert.pem")
    context = server_context(folder / "server-cert.pem", folder / "server-key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=CLIENT_CA.pem)
    return context


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HTTPServer]:
    """Answers with the thumbprint of the certificate that it was shown."""

    def answer(request: Request) -> Response:
        der = request.environ["werkzeug.socket"].getpeercert(True)
        return Response(b64(hashlib.sha256(der).digest()))

    with QuickServer(host="localhost", ssl_context=demanding(tmp_path)) as running:
        running.expect_request("/x").respond_with_handler(answer)
        yield running


def seen_by(server: HTTPServer, settings: HttpSettings) -> str:
    driver = SyncDriver(settings)
    try:
        return driver.run(http(HttpRequest("GET", server.url_for("/x")))).body.decode()
    finally:
        driver.close()


@pytest.mark.spec("RFC 8705 2a", "RFC 8705 3.1")
@pytest.mark.parametrize("form", FORMS)
def test_a_server_is_shown_the_certificate_with_its_chain(form: str, files: Path, server: HTTPServer) -> None:
    certificate = FORMS[form](files)
    ca = None if form == "a context" else CA_PEM
    assert seen_by(server, HttpSettings(ca=ca, client_certificate=certificate)) == certificate.thumbprint
    assert certificate.thumbprint == b64(hashlib.sha256(MINE.der).digest())


def test_the_async_driver_shows_it_too(files: Path, server: HTTPServer) -> None:
    settings = HttpSettings(ca=CA_PEM, client_certificate=FORMS["PKCS#12"](files))

    async def call() -> bytes:
        driver = AsyncDriver(settings)
        try:
            return (await driver.run(http(HttpRequest("GET", server.url_for("/x"))))).body
        finally:
            await driver.aclose()

    assert asyncio.run(call()).decode() == settings.client_certificate.thumbprint  # type: ignore[union-attr]


SHOWN = {
    "none": (None, "client_certificate=...) says what is shown"),
    "of an unknown authority": (a_certificate(now=NOW), "refuses the client certificate"),
}


@pytest.mark.parametrize(("made", "told"), SHOWN.values(), ids=SHOWN)
def test_a_refusal_of_the_server_is_named_on_both_drivers(made: Made | None, told: str) -> None:
    certificate = None
    if made is not None:
        certificate = TlsClientCertificate.from_pem(made.pem.encode(), made.key_pem.encode())
    settings = HttpSettings(ca=SERVER_CA_PEM, client_certificate=certificate)

    async def awaited(request: HttpRequest) -> None:
        await AsyncDriver(settings).run(http(request))

    with serving(lambda *_: (200, {}, b""), server_tls(CLIENT_CA)) as server:
        request = HttpRequest("GET", f"{server.origin}/x")
        for run in (lambda: SyncDriver(settings).run(http(request)), lambda: asyncio.run(awaited(request))):
            for _ in range(3):  # on asyncio it depends on when the alert comes
                with pytest.raises(Unreachable) as refused:
                    run()
                assert told in str(refused.value)
                assert refused.value.remedy is Remedy.FIX_CONFIGURATION


@pytest.mark.spec("RFC 8705 3.1")
def test_the_thumbprint_of_rfc_8705_appendix_a() -> None:
    """The key is not printed: it stands in a context of its owner's."""
    own = TlsClientCertificate.in_context(
        ssl.create_default_context(), pem(RFC8705_BASE64).encode(), clock=lambda: 1_600_000_000.0
    )
    assert own.thumbprint == RFC8705_THUMBPRINT


DAY = dt.timedelta(days=1)
REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "another key": (lambda: (MINE.pem, OTHER.key_pem), ConfigurationError, "not that of the first"),
    "the authority's first": (lambda: (MIDDLE.pem + MINE.pem, MINE.key_pem), ConfigurationError, "first"),
    "no key": (lambda: (MINE.pem, MINE.pem), UnusablePrivateKey, "CERTIFICATE"),
    "no certificate": (lambda: (MINE.key_pem, MINE.key_pem), ConfigurationError, "no PEM certificate"),
    "expired": (lambda: pair(valid_for=-DAY / 24), CertificateNotValidNow, "expired"),
    "not yet valid": (lambda: pair(valid_from=DAY), CertificateNotValidNow, "not valid before"),
    "for servers alone": (
        lambda: pair(extended=[ExtendedKeyUsageOID.SERVER_AUTH]),
        UnfitCertificate,
        "clientAuth",
    ),
    "a short key": (
        lambda: pair(key=rsa.generate_private_key(65537, 1024)),
        UnfitCertificate,
        "1024 bits",
    ),
}


def pair(**options: Any) -> tuple[str, str]:
    made = a_certificate(now=NOW, **options)
    return made.pem, made.key_pem


@pytest.mark.parametrize(("make", "error", "told"), REFUSED.values(), ids=REFUSED)
def test_one_that_a_server_would_refuse_is_refused_when_it_is_read(
    make: Any, error: type[Exception], told: str
) -> None:
    certificate, key = make()
    with pytest.raises(error, match=told) as refused:
        TlsClientCertificate.from_pem(certificate.encode(), key.encode())
    assert "-----BEGIN" not in str(refused.value)


def test_the_certificate_of_a_context_is_looked_at_too() -> None:
    expired, _ = pair(valid_for=-DAY / 24)
    with pytest.raises(CertificateNotValidNow):
        TlsClientCertificate.in_context(ssl.create_default_context(), expired.encode())
    with pytest.raises(ConfigurationError, match=r"ssl\.SSLContext"):
        TlsClientCertificate.in_context("context", MINE.pem.encode())  # type: ignore[arg-type]


WRONG_FILES: dict[str, Any] = {
    "no such file": lambda f: TlsClientCertificate.from_pem(f / "absent.pem"),
    "text for a file name": lambda _: TlsClientCertificate.from_pem(MINE.pem, MINE.key_pem),
    "no file name": lambda _: TlsClientCertificate.from_pem(7),  # type: ignore[arg-type]
    "another password": lambda f: TlsClientCertificate.from_pkcs12(f / "mine.p12", "another"),
    "no password": lambda f: TlsClientCertificate.from_pkcs12(f / "mine.p12"),
    "no PKCS#12": lambda f: TlsClientCertificate.from_pkcs12(f / "cert.pem", PASSWORD),
    "PKCS#12 without key": lambda _: TlsClientCertificate.from_pkcs12(without_key(), PASSWORD),
}


def without_key() -> bytes:
    from cryptography.hazmat.primitives.serialization import pkcs12

    return pkcs12.serialize_key_and_certificates(
        None, None, MINE.certificate, None, serialization.BestAvailableEncryption(PASSWORD.encode())
    )


@pytest.mark.parametrize("make", WRONG_FILES.values(), ids=WRONG_FILES)
def test_what_cannot_be_read_is_named_without_its_content(make: Any, files: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        make(files)
    told = f"{refused.value} {refused.value.__cause__}"
    assert "BEGIN" not in told
    assert PASSWORD not in told


def test_a_key_with_another_password_is_refused(files: Path) -> None:
    for password in ("another", None):
        with pytest.raises(UnusablePrivateKey):
            TlsClientCertificate.from_pem(files / "cert.pem", files / "locked.pem", password=password)


def test_nothing_of_the_key_is_shown_or_pickled(files: Path) -> None:
    certificate = FORMS["a PEM pair"](files)
    assert repr(certificate) == (
        f"TlsClientCertificate(CN=fintech,O=Fintech,C=JP, x5t#S256 {certificate.thumbprint})"
    )
    for lose in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            lose(certificate)


def test_its_context_offers_the_suites_of_the_profile_and_is_made_once(files: Path) -> None:
    certificate = FORMS["a PEM pair"](files)
    settings = HttpSettings(ca=CA_PEM, client_certificate=certificate)
    for profile in (FAPI2_SECURITY, FAPI1_ADVANCED):
        context = settings.tls_context(profile)
        offered = {one["name"] for one in context.get_ciphers() if one["protocol"] == "TLSv1.2"}
        assert offered == set(profile.tls12_ciphers)
        assert settings.tls_context(profile) is context
    assert settings.tls_context() is not HttpSettings(ca=CA_PEM).tls_context()
    assert HttpSettings(client_certificate=certificate).tls_context().get_ca_certs()


CONTRADICTIONS: dict[str, Any] = {
    "tls and a certificate": lambda c: HttpSettings(tls=client_context(), client_certificate=c),
    "tls and ca": lambda _: HttpSettings(tls=client_context(), ca=CA_PEM),
    "ca and a context": lambda _: HttpSettings(
        ca=CA_PEM, client_certificate=TlsClientCertificate.in_context(client_context(), MINE.pem.encode())
    ).tls_context(),
    "an empty ca": lambda _: HttpSettings(ca=b"").tls_context(),
    "no certificate at all": lambda _: HttpSettings(client_certificate="cert.pem"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("make", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_settings_that_contradict_each_other(make: Any, files: Path) -> None:
    with pytest.raises(ConfigurationError):
        make(FORMS["a PEM pair"](files))


def test_openssl_may_refuse_what_was_read() -> None:
    """An intermediate certificate that is too weak for its security level."""
    weak = a_certificate(issuer=CLIENT_CA, now=NOW, ca=True, key=rsa.generate_private_key(65537, 1024))
    made = TlsClientCertificate.from_pem((MINE.pem + weak.pem).encode(), MINE.key_pem.encode())
    with pytest.raises(ConfigurationError, match="OpenSSL does not take") as refused:
        made.tls_context(CA_PEM, FAPI2_SECURITY)
    traceback = refused.value.__traceback__
    while traceback is not None:  # what an error tracker would show
        assert not {"password", "encrypted"} & set(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next


def test_an_ed25519_key_will_do_and_an_unknown_kind_will_not() -> None:
    from cryptography.hazmat.primitives.asymmetric import x25519

    with pytest.raises(UnusablePrivateKey):
        TlsClientCertificate.from_pem(MINE.pem.encode(), raw(x25519.X25519PrivateKey.generate()))
    p384 = a_certificate(now=NOW, key=ec.generate_private_key(ec.SECP384R1()))
    assert TlsClientCertificate.from_pem(p384.pem.encode(), p384.key_pem.encode()).tls_context(
        CA_PEM, FAPI2_SECURITY
    )


def raw(key: Any) -> bytes:
    octets: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return octets
