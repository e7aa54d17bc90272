"""The context of new connections: it changes with what is trusted, and with the file of the client CA."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterable
from pathlib import Path

import pytest
from cryptography.x509.oid import NameOID

from askit.config.values import TlsFiles
from askit.log_budget import BudgetedLogger
from askit.pytest_plugin.throwaway_tls import make_tls_files
from askit.serving import handshake
from askit.serving.handshake import Handshake
from fapikit import FAPI2_SECURITY
from fapikit.errors import ConfigurationError
from fapikit.io.tls import trust_client_certificates
from tests.mothers.certificates import UNREADABLE, Made, a_certificate, a_name, an_authority, unreadable

ONE, TWO = a_certificate(), a_certificate()
CA = an_authority()


def a_handshake(folder: Path, *, ca: str | None = CA.pem) -> Handshake:
    files = make_tls_files(folder)
    if ca is not None:
        (folder / "client-ca.pem").write_text(ca)
    client_ca = None if ca is None else folder / "client-ca.pem"
    log = BudgetedLogger(logging.getLogger("askit"), 50)
    own = TlsFiles(certificate=files.certificate, key=files.key, client_ca=client_ca)
    return Handshake(own, FAPI2_SECURITY, asks=True, log=log)


def trusted(made: Handshake) -> set[bytes]:
    return set(made.context.get_ca_certs(binary_form=True))


def loaded(made: Handshake) -> int:
    return made.context.cert_store_stats()["x509"]


def test_more_is_added_and_less_is_another_context(tmp_path: Path) -> None:
    made = a_handshake(tmp_path)
    first = made.context
    made.trust({ONE.der})
    made.trust({ONE.der, TWO.der})
    assert made.context is first
    assert loaded(made) == 3
    made.trust({TWO.der})
    assert made.context is not first
    assert loaded(made) == 2


def test_the_client_ca_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = a_handshake(tmp_path)
    assert trusted(made) == {CA.der}
    renewed = an_authority()
    (tmp_path / "client-ca.pem").write_text(CA.pem + renewed.pem)
    made.trust({ONE.der})
    assert trusted(made) == {CA.der, renewed.der}
    (tmp_path / "client-ca.pem").write_text("half a file")
    with caplog.at_level(logging.WARNING, "askit"):
        made.trust({ONE.der})
    assert trusted(made) == {CA.der, renewed.der}
    assert "what was read before stays in force: tls.client_ca" in caplog.text


@pytest.mark.spec("RFC 8705 7.4")
def test_nobody_is_trusted_under_the_name_of_an_authority(tmp_path: Path) -> None:
    for name in ("Client CA", "client  ca"):
        made = a_handshake(tmp_path)
        made.trust([ONE.der, an_authority(name).der])
        assert loaded(made) == 2


def shaken(made: Handshake, shows: Made, folder: Path) -> bool:
    """Whether the handshake takes what a client shows."""
    (folder / "client.pem").write_text(shows.pem + shows.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(folder / "client.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        context.wrap_bio(to_client, to_server, server_hostname="localhost"),
        made.context.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return True


ISSUER = an_authority("Their CA")
ISSUED = a_certificate(issuer=ISSUER)


@pytest.mark.parametrize(
    "fake",
    [
        an_authority("Their CA"),
        an_authority("THEIR  ca"),
        a_certificate(subject=ISSUER.certificate.subject),
        a_certificate(issuer=an_authority("fintech"), subject=ISSUER.certificate.subject),
    ],
    ids=["an authority", "spelled otherwise", "a client", "issued itself"],
)
@pytest.mark.spec("RFC 8705 7.4")
def test_nobody_shuts_out_a_client_by_the_name_of_its_issuer(fake: Made, tmp_path: Path) -> None:
    made = a_handshake(tmp_path)
    made.trust([ISSUED.der])
    assert shaken(made, ISSUED, tmp_path)
    assert not shaken(made, ONE, tmp_path)
    made.trust([ISSUED.der, fake.der])
    assert shaken(made, ISSUED, tmp_path)


def test_nobody_shuts_out_a_client_by_naming_it_as_issuer(tmp_path: Path) -> None:
    made = a_handshake(tmp_path)
    names_it = a_certificate(
        issuer=a_certificate(subject=ONE.certificate.subject), subject=a_name((NameOID.COMMON_NAME, "x"))
    )
    made.trust([ONE.der, names_it.der])
    assert shaken(made, ONE, tmp_path)
    assert loaded(made) == 2


def test_so_many_are_trusted_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "MOST", 1)
    made = a_handshake(tmp_path, ca=None)
    made.trust({ONE.der, TWO.der})
    assert loaded(made) == 1


def test_of_too_many_the_first_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configured clients come first, whatever octets others register."""
    monkeypatch.setattr(handshake, "MOST", 1)
    for first, second in ((ONE, TWO), (TWO, ONE)):
        made = a_handshake(tmp_path, ca=None)
        made.trust([first.der, second.der])
        made.trust([first.der])
        assert made._trusted == {first.der}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_keeps_no_other_out(kind: str, tmp_path: Path) -> None:
    made = a_handshake(tmp_path)
    made.trust([unreadable(kind, a_certificate().der), ONE.der])
    made.trust([unreadable(kind, a_certificate().der), ONE.der, TWO.der])
    assert loaded(made) >= 3


def test_what_openssl_does_not_take_keeps_no_other_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def trusting(context: ssl.SSLContext, trusted: Iterable[bytes]) -> None:
        if ONE.der in trusted:
            raise ConfigurationError("not this one")
        trust_client_certificates(context, trusted)

    monkeypatch.setattr(handshake, "trust_client_certificates", trusting)
    made = a_handshake(tmp_path)
    with caplog.at_level(logging.WARNING, "askit"):
        made.trust([ONE.der, TWO.der])
    assert loaded(made) == 2
    assert "is left out: not this one" in caplog.text


def test_what_is_no_certificate_is_no_authority(tmp_path: Path) -> None:
    made = a_handshake(tmp_path, ca=None)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        trust_client_certificates(made.context, [b"\x30\x03\x02\x01\x00"])
