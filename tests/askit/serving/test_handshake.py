"""The context of new connections: it changes with what is trusted, and with the file of the client CA."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import NameOID

from askit.config.values import TlsFiles
from askit.log_budget import BudgetedLogger
from askit.serving import handshake
from askit.serving.handshake import Handshake
from askit.throwaway_tls import make_tls_files
from fapikit import FAPI2_SECURITY
from fapikit.errors import ConfigurationError
from fapikit.io.tls import server_context, trust_client_certificates
from tests.mothers.certificates import UNREADABLE, Made, a_certificate, a_name, an_authority, unreadable

pytestmark = pytest.mark.anyio

ONE, TWO = a_certificate(), a_certificate()
LISTED = [an_authority(f"of a client, {number}") for number in range(1, 6)]
"""A context tells only of those that may issue others."""
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


async def test_more_is_added_and_less_is_another_context(tmp_path: Path) -> None:
    made = a_handshake(tmp_path)
    first = made.context
    await made.trust((ONE.der,))
    await made.trust((ONE.der, TWO.der))
    assert made.context is first
    assert loaded(made) == 3
    await made.trust((TWO.der,))
    assert made.context is not first
    assert loaded(made) == 2


async def test_the_client_ca_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = a_handshake(tmp_path)
    assert trusted(made) == {CA.der}
    renewed = an_authority()
    (tmp_path / "client-ca.pem").write_text(CA.pem + renewed.pem)
    await made.trust((ONE.der,))
    assert trusted(made) == {CA.der, renewed.der}
    (tmp_path / "client-ca.pem").write_text("half a file")
    with caplog.at_level(logging.WARNING, "askit"):
        await made.trust((ONE.der,))
    assert trusted(made) == {CA.der, renewed.der}
    assert "what was read before stays in force: tls.client_ca" in caplog.text


@pytest.mark.spec("RFC 8705 7.4")
async def test_nobody_is_trusted_under_the_name_of_an_authority(tmp_path: Path) -> None:
    for name in ("Client CA", "client  ca"):
        made = a_handshake(tmp_path)
        await made.trust(
            (
                ONE.der,
                an_authority(name).der,
            )
        )
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
async def test_nobody_shuts_out_a_client_by_the_name_of_its_issuer(fake: Made, tmp_path: Path) -> None:
    made = a_handshake(tmp_path)
    await made.trust((ISSUED.der,))
    assert shaken(made, ISSUED, tmp_path)
    assert not shaken(made, ONE, tmp_path)
    await made.trust(
        (
            ISSUED.der,
            fake.der,
        )
    )
    assert shaken(made, ISSUED, tmp_path)


async def test_nobody_shuts_out_a_client_by_naming_it_as_issuer(tmp_path: Path) -> None:
    made = a_handshake(tmp_path)
    names_it = a_certificate(
        issuer=a_certificate(subject=ONE.certificate.subject), subject=a_name((NameOID.COMMON_NAME, "x"))
    )
    await made.trust(
        (
            ONE.der,
            names_it.der,
        )
    )
    assert shaken(made, ONE, tmp_path)
    assert loaded(made) == 2


async def test_if_there_are_too_many_the_last_are_left_out_with_a_line_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(handshake, "MOST", 2)
    made = a_handshake(tmp_path, ca=None)
    one, two, three, four, five = (each.der for each in LISTED)
    caplog.set_level(logging.WARNING, "askit")
    await made.trust((one, two))
    assert not caplog.messages
    for told in ((one, two, three, four), (one, two, four, five)):
        await made.trust(told)
        assert trusted(made) == {one, two}
    (line,) = caplog.messages
    assert line.startswith(
        "2 certificates that clients registered are left out, because the handshake takes 2"
    )
    assert "Lower [registration] max_clients" in line
    await made.trust((five, one, two))
    assert trusted(made) == {five, one}, "one that comes first takes the place of the last"


async def test_the_event_loop_serves_others_while_a_context_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = a_handshake(tmp_path, ca=None)
    one, two = (each.der for each in LISTED[:2])
    await made.trust((one,))
    begun, served = threading.Event(), threading.Event()
    waited: list[bool] = []

    def slow_context(*given: Any, **more: Any) -> ssl.SSLContext:
        begun.set()
        waited.append(served.wait(10))
        return server_context(*given, **more)

    monkeypatch.setattr(handshake, "server_context", slow_context)
    trusting = asyncio.ensure_future(made.trust((two,)))
    async with asyncio.timeout(5):
        while not begun.is_set():
            await asyncio.sleep(0.001)
    assert trusted(made) == {one}, "connections meanwhile use the context before"
    served.set()
    await trusting
    assert waited == [True]
    assert trusted(made) == {two}


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_what_cannot_be_read_keeps_no_other_out(kind: str, tmp_path: Path) -> None:
    made = a_handshake(tmp_path)
    await made.trust(
        (
            unreadable(kind, a_certificate().der),
            ONE.der,
        )
    )
    await made.trust(
        (
            unreadable(kind, a_certificate().der),
            ONE.der,
            TWO.der,
        )
    )
    assert loaded(made) >= 3


async def test_what_openssl_does_not_take_keeps_no_other_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def trusting(context: ssl.SSLContext, trusted: Iterable[bytes]) -> None:
        if ONE.der in trusted:
            raise ConfigurationError("not this one")
        trust_client_certificates(context, trusted)

    monkeypatch.setattr(handshake, "trust_client_certificates", trusting)
    made = a_handshake(tmp_path)
    with caplog.at_level(logging.WARNING, "askit"):
        await made.trust(
            (
                ONE.der,
                TWO.der,
            )
        )
    assert loaded(made) == 2
    assert "is left out: not this one" in caplog.text


def test_what_is_no_certificate_is_no_authority(tmp_path: Path) -> None:
    made = a_handshake(tmp_path, ca=None)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        trust_client_certificates(made.context, [b"\x30\x03\x02\x01\x00"])
