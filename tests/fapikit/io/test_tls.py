"""TLS as a profile wants it: what contexts offer, and which servers a driver refuses to talk to."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from fapikit import FAPI1_ADVANCED, FAPI2_SECURITY, HttpSettings, Profile
from fapikit.errors import ConfigurationError, Remedy, Unreachable
from fapikit.flow import http
from fapikit.http_message import HttpRequest
from fapikit.io import AsyncDriver, SyncDriver
from fapikit.io.tls import client_context, server_context
from tests.forks import in_child
from tests.servers import dripping

CA = trustme.CA()
OTHER_CA = trustme.CA()


class QuickServer(HTTPServer):
    """Notices at once that it shall stop; its parent looks every half second."""

    def thread_target(self) -> None:
        self.server.serve_forever(poll_interval=0.01)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    made = CA.issue_cert("localhost")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return tmp_path / "cert.pem", tmp_path / "key.pem"


@pytest.fixture
def server(certificate: tuple[Path, Path]) -> Iterator[HTTPServer]:
    with QuickServer(host="localhost", ssl_context=server_context(*certificate)) as running:
        running.expect_request("/x").respond_with_data(b"here")
        yield running


def suites(context: ssl.SSLContext) -> set[str]:
    return {one["name"] for one in context.get_ciphers() if one["protocol"] == "TLSv1.2"}


@pytest.mark.spec("RFC 9325 4.1")
@pytest.mark.spec("FAPI2-SP 5.2.1-2, -3", "FAPI2-SP 5.2.2-1, -2", "FAPI1-ADV 8.5-1, -3", "RFC 9325 4.5")
@pytest.mark.parametrize("profile", [FAPI2_SECURITY, FAPI1_ADVANCED], ids=str)
def test_contexts_offer_the_suites_of_the_profile_and_nothing_else(
    profile: Profile, certificate: tuple[Path, Path]
) -> None:
    contexts = [server_context(*certificate, profile=profile), client_context(profile=profile)]
    for context in contexts:
        assert suites(context) == set(profile.tls12_ciphers)
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.security_level >= 2
        assert context.options & ssl.OP_NO_COMPRESSION


def ask(server: HTTPServer, ca: bytes | None, host: str = "localhost") -> bytes:
    driver = SyncDriver(HttpSettings(tls=client_context(ca=ca)))
    try:
        return driver.run(http(HttpRequest("GET", f"https://{host}:{server.port}/x"))).body
    finally:
        driver.close()


@pytest.mark.spec("FAPI2-SP 5.2.1-5", "FAPI1-BL 7.1a")
def test_talks_to_a_server_whose_certificate_is_good(server: HTTPServer) -> None:
    assert ask(server, CA.cert_pem.bytes()) == b"here"


@pytest.mark.spec("FAPI2-SP 5.2.1-5", "FAPI1-BL 7.1a")
def test_refuses_a_server_of_an_unknown_authority_or_another_name(server: HTTPServer) -> None:
    for ca, host, remedy in (
        (OTHER_CA.cert_pem.bytes(), "localhost", Remedy.FIX_CONFIGURATION),
        (None, "localhost", Remedy.FIX_CONFIGURATION),
        (CA.cert_pem.bytes(), "127.0.0.1", Remedy.TELL_THE_PEER),
    ):
        with pytest.raises(Unreachable) as refused:
            ask(server, ca, host)
        assert refused.value.facts["why"].startswith("certificate verify failed: ")
        assert refused.value.remedy is remedy
        says_whom_to_trust = "HttpSettings(ca=...)" in str(refused.value)
        assert says_whom_to_trust == (remedy is Remedy.FIX_CONFIGURATION)
    assert server.log == []


def test_an_expired_certificate_is_the_servers_affair(tmp_path: Path) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    made = CA.issue_cert("localhost", not_before=yesterday - timedelta(days=1), not_after=yesterday)
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    context = server_context(tmp_path / "cert.pem", tmp_path / "key.pem")
    with QuickServer(host="localhost", ssl_context=context) as server, pytest.raises(Unreachable) as refused:
        ask(server, CA.cert_pem.bytes())
    assert "expired" in refused.value.facts["why"]
    assert refused.value.remedy is Remedy.TELL_THE_PEER


@pytest.mark.spec("FAPI1-ADV 8.5-1", "FAPI1-BL 7.1a")
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_driver_offers_the_suites_of_its_profile(kind: str, tmp_path: Path) -> None:
    """FAPI 1 Advanced knows no suite for an ECDSA certificate below TLS 1.3."""

    def answers(key_type: trustme.KeyType, profile: Profile) -> bool:
        made = CA.issue_cert("localhost", key_type=key_type)
        made.private_key_and_cert_chain_pem.write_to_path(tmp_path / "pair.pem")
        context = server_context(tmp_path / "pair.pem", tmp_path / "pair.pem")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        settings = HttpSettings(ca=CA.cert_pem.bytes())
        with QuickServer(host="localhost", ssl_context=context) as server:
            server.expect_request("/x").respond_with_data(b"here")
            request = HttpRequest("GET", f"https://localhost:{server.port}/x")
            try:
                return _sent(kind, settings, profile, request) == b"here"
            except Unreachable as refused:
                return "TLS: " not in str(refused)

    assert answers(trustme.KeyType.ECDSA, FAPI2_SECURITY)
    assert answers(trustme.KeyType.RSA, FAPI1_ADVANCED)
    assert not answers(trustme.KeyType.ECDSA, FAPI1_ADVANCED)


def _sent(kind: str, settings: HttpSettings, profile: Profile, request: HttpRequest) -> bytes:
    if kind == "sync":
        driver = SyncDriver(settings, profile=profile)
        try:
            return driver.run(http(request)).body
        finally:
            driver.close()

    async def send() -> bytes:
        other = AsyncDriver(settings, profile=profile)
        try:
            return (await other.run(http(request))).body
        finally:
            await other.aclose()

    return asyncio.run(send())


def test_a_handshake_that_cannot_succeed_is_not_worth_a_retry(certificate: tuple[Path, Path]) -> None:
    """A server that wants a client certificate, and one that speaks no TLS at all."""
    mtls = server_context(*certificate)
    mtls.verify_mode = ssl.CERT_REQUIRED
    for context, said in ((mtls, "CERTIFICATE_REQUIRED"), (None, "TLS: ")):
        with (
            QuickServer(host="localhost", ssl_context=context) as server,
            pytest.raises(Unreachable) as refused,
        ):
            ask(server, CA.cert_pem.bytes())
        assert said in refused.value.facts["why"]
        assert refused.value.remedy is Remedy.FIX_CONFIGURATION


def test_a_server_that_hangs_up_may_have_refused_a_certificate(server: HTTPServer) -> None:
    def hang_up(request: Request) -> Response:
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return Response()

    server.clear_all_handlers()
    server.expect_request("/x").respond_with_handler(hang_up)
    with pytest.raises(Unreachable, match="its log says whether it refused a client certificate"):
        ask(server, CA.cert_pem.bytes())


def test_a_deadline_holds_over_tls_too(certificate: tuple[Path, Path]) -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", server_context(*certificate)) as url:
        driver = SyncDriver(HttpSettings(tls=client_context(ca=CA.cert_pem.bytes())))
        started = time.monotonic()
        with pytest.raises(Unreachable):
            driver.run(http(HttpRequest("GET", url, timeout=0.5)))
        assert time.monotonic() - started < 1.5
        driver.close()


def test_a_certificate_is_checked_without_any_setting_too(server: HTTPServer) -> None:
    with pytest.raises(Unreachable):
        SyncDriver().run(http(HttpRequest("GET", server.url_for("/x"))))


def test_a_forked_child_makes_connections_of_its_own(server: HTTPServer) -> None:
    driver = SyncDriver(HttpSettings(tls=client_context(ca=CA.cert_pem.bytes())))
    request = HttpRequest("GET", server.url_for("/x"))
    assert driver.run(http(request)).body == b"here"
    parents = driver._pool
    with parents._lock:  # as if another thread were making a client at the moment of the fork
        assert in_child(lambda: driver.run(http(request)).body == b"here" and driver._pool is not parents)
    assert driver.run(http(request)).body == b"here"
    assert driver._pool is parents
    driver.close()


@pytest.mark.parametrize("ca", ["/no/such.pem", Path("/no/such.pem"), b"no certificate", b"\xff", __file__])
def test_an_authority_that_cannot_be_read_is_named(ca: Any) -> None:
    with pytest.raises(ConfigurationError, match="octets given as ca" if isinstance(ca, bytes) else str(ca)):
        client_context(ca=ca)
    with pytest.raises(ConfigurationError, match="no PEM certificates of an authority"):
        HttpSettings(ca=ca)  # at the start, and not with the first call


def test_a_file_that_is_not_there_is_told_from_one_that_has_no_certificate() -> None:
    with pytest.raises(ConfigurationError, match=r"/no/such\.pem: No such file"):
        client_context(ca="/no/such.pem")
    with pytest.raises(ConfigurationError, match=rf"{re.escape(__file__)} \["):
        client_context(ca=__file__)


def test_a_servers_own_certificate_that_cannot_be_used_is_named(certificate: tuple[Path, Path]) -> None:
    made, key = certificate
    for one, other in ((made, made.parent / "none.pem"), (made, made), (key, key)):
        with pytest.raises(ConfigurationError, match=re.escape(f"{one} and its key {other}")):
            server_context(one, other)


def test_settings_show_no_password_of_a_proxy() -> None:
    assert "secret" not in repr(HttpSettings(proxy="http://user:secret@proxy.example:3128"))


def test_a_tls_port_called_in_clear_asks_whether_https_is_meant(server: HTTPServer) -> None:
    driver = SyncDriver(HttpSettings())
    with pytest.raises(Unreachable, match="is https meant") as refused:
        driver.run(http(HttpRequest("GET", f"http://localhost:{server.port}/x")))
    driver.close()
    assert refused.value.remedy is Remedy.FIX_CONFIGURATION


@pytest.mark.spec("FAPI2-SP 5.2.1-5")
@pytest.mark.parametrize("ca", ["", b""])
def test_an_empty_authority_trusts_nobody(ca: str | bytes) -> None:
    """As of an environment variable that is not set: the system's roots are not what was meant."""
    with pytest.raises(ConfigurationError, match="leave ca out to trust the system's roots"):
        client_context(ca=ca)


def test_octets_with_line_ends_written_out_are_read() -> None:
    pem = CA.cert_pem.bytes()
    assert (
        client_context(ca=pem.replace(b"\n", b"\\n")).cert_store_stats()
        == client_context(ca=pem).cert_store_stats()
    )
