"""The context of new connections: it changes with what is trusted, and with the file of the client CA."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from askit.config.values import TlsFiles
from askit.log_budget import BudgetedLogger
from askit.pytest_plugin.throwaway_tls import make_tls_files
from askit.serving import handshake
from askit.serving.handshake import Handshake
from fapikit import FAPI2_SECURITY
from fapikit.errors import ConfigurationError
from fapikit.io.tls import trust_client_certificates
from tests.mothers.certificates import a_certificate, an_authority

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
    made = a_handshake(tmp_path)
    made.trust({ONE.der, an_authority().der})
    assert loaded(made) == 2


def test_so_many_are_trusted_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "MOST", 1)
    made = a_handshake(tmp_path, ca=None)
    made.trust({ONE.der, TWO.der})
    assert loaded(made) == 1


def test_what_is_no_certificate_is_no_authority(tmp_path: Path) -> None:
    made = a_handshake(tmp_path, ca=None)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        trust_client_certificates(made.context, [b"\x30\x03\x02\x01\x00"])
