"""A client certificate is replaced while the process runs: new connections show the new one, old ones are let go."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest

from fapikit import HttpSettings, TlsClientCertificate
from fapikit.errors import ConfigurationError
from fapikit.flow import http
from fapikit.http_message import HttpRequest
from fapikit.io import AsyncDriver, SyncDriver
from fapikit.io.lent_connections import LentConnections
from tests.mothers.bank_server import Served, serving
from tests.mothers.certificates import Made, a_certificate, an_authority
from tests.mothers.mtls_bank import SERVER_CA_PEM, server_tls

NOW = time.time()
CLIENT_CA = an_authority(now=NOW)
OLD = a_certificate(issuer=CLIENT_CA, now=NOW, serial=1)
NEW = a_certificate(issuer=CLIENT_CA, now=NOW, serial=2)


def held(made: Made) -> TlsClientCertificate:
    return TlsClientCertificate.from_pem(made.pem.encode(), made.key_pem.encode())


class Bank:
    """Counts what arrives; a request to /slow is answered when `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.slow = threading.Event()

    def respond(self, _method: str, url: str, *_: Any) -> tuple[int, dict[str, str], bytes]:
        if url.endswith("/slow"):
            self.slow.set()
            assert self.go.wait(10)
        return 200, {}, b"here"


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def server(bank: Bank) -> Iterator[Served]:
    with serving(bank.respond, server_tls(CLIENT_CA)) as here:
        yield here


@pytest.fixture
def certificate() -> TlsClientCertificate:
    return held(OLD)


@pytest.fixture
def settings(certificate: TlsClientCertificate) -> HttpSettings:
    return HttpSettings(ca=SERVER_CA_PEM, client_certificate=certificate)


def until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


def request(server: Served, path: str = "/x") -> HttpRequest:
    return HttpRequest("GET", f"{server.origin}{path}")


@pytest.mark.spec("RFC 8705 6.3")
def test_new_calls_show_the_new_one_and_the_old_connection_is_closed(
    server: Served, settings: HttpSettings, certificate: TlsClientCertificate
) -> None:
    driver = SyncDriver(settings)
    for _ in range(2):
        driver.run(http(request(server)))
    assert server.connections == [OLD.der], "one connection serves both"
    certificate.replace(held(NEW))
    assert certificate.thumbprint == held(NEW).thumbprint
    for _ in range(2):
        driver.run(http(request(server)))
    assert server.connections == [OLD.der, NEW.der]
    until(lambda: server.open == {1})
    driver.close()
    until(lambda: server.open == set())


def test_a_call_that_is_under_way_ends_on_its_own_connection(
    server: Served, bank: Bank, settings: HttpSettings, certificate: TlsClientCertificate
) -> None:
    driver, answers = SyncDriver(settings), []
    slow = threading.Thread(target=lambda: answers.append(driver.run(http(request(server, "/slow"))).body))
    slow.start()
    assert bank.slow.wait(10)
    certificate.replace(held(NEW))
    driver.run(http(request(server)))
    assert server.connections == [OLD.der, NEW.der]
    assert server.open == {0, 1}
    bank.go.set()
    slow.join()
    assert answers == [b"here"]
    until(lambda: server.open == {1})
    driver.close()


def test_on_asyncio_too(
    server: Served, bank: Bank, settings: HttpSettings, certificate: TlsClientCertificate
) -> None:
    async def calls() -> None:
        driver = AsyncDriver(settings)
        await driver.run(http(request(server)))
        slow = asyncio.create_task(driver.run(http(request(server, "/slow"))))
        await asyncio.to_thread(bank.slow.wait, 10)
        certificate.replace(held(NEW))
        await driver.run(http(request(server)))
        assert server.connections == [OLD.der, NEW.der]
        bank.go.set()
        assert (await slow).body == b"here"
        await asyncio.to_thread(until, lambda: server.open == {1})
        await driver.aclose()

    asyncio.run(calls())


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_connections_that_are_lent_are_let_go_too(
    library: Any, server: Served, settings: HttpSettings, certificate: TlsClientCertificate
) -> None:
    lent = LentConnections(tls=settings.tls_context, proxy=None)
    with (
        library.Client(transport=lent.transport(library)) as one,
        library.Client(transport=lent.transport(library)) as other,
        one.stream("GET", f"{server.origin}/x") as under_way,
    ):
        certificate.replace(held(NEW))
        assert other.get(f"{server.origin}/x").read() == b"here"
        assert server.open == {0, 1}
        assert under_way.read() == b"here"
    until(lambda: server.open == {1})
    assert server.connections == [OLD.der, NEW.der]
    lent.close()


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_connections_that_are_lent_on_asyncio_are_let_go_too(
    library: Any, server: Served, settings: HttpSettings, certificate: TlsClientCertificate
) -> None:
    async def calls() -> None:
        lent = LentConnections(tls=settings.tls_context, proxy=None)
        async with library.AsyncClient(transport=lent.async_transport(library)) as client:
            async with client.stream("GET", f"{server.origin}/x") as under_way:
                certificate.replace(held(NEW))
                assert (await client.get(f"{server.origin}/x")).content == b"here"
                assert await under_way.aread() == b"here"
            await asyncio.to_thread(until, lambda: server.open == {1})
        await lent.aclose()

    asyncio.run(calls())
    assert server.connections == [OLD.der, NEW.der]


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_lent_connection_that_fails_is_given_back(library: Any, settings: HttpSettings) -> None:
    lent = LentConnections(tls=settings.tls_context, proxy=None)
    with serving(lambda *_: (200, {}, b""), server_tls(an_authority("Another CA", now=NOW))) as strict:
        with library.Client(transport=lent.transport(library)) as client, pytest.raises(library.HTTPError):
            client.get(f"{strict.origin}/x")
        assert lent.pool(library)._current.users == 0  # type: ignore[union-attr]

        async def fail() -> None:
            async with library.AsyncClient(transport=lent.async_transport(library)) as client:
                with pytest.raises(library.HTTPError):
                    await client.get(f"{strict.origin}/x")
            assert lent.async_pool(library)._current.users == 0  # type: ignore[union-attr]
            await lent.aclose()

        asyncio.run(fail())
    lent.close()


def test_what_cannot_be_used_replaces_nothing(
    server: Served, settings: HttpSettings, certificate: TlsClientCertificate
) -> None:
    """Its context is made before anything changes: this one would trust others than `ca` says."""
    driver = SyncDriver(settings)
    driver.run(http(request(server)))
    own = TlsClientCertificate.in_context(settings.tls_context(), NEW.pem.encode())
    with pytest.raises(ConfigurationError):
        certificate.replace(own)
    driver.run(http(request(server)))
    assert server.connections == [OLD.der]
    driver.close()


def test_a_ready_client_stays_whatever_is_replaced(server: Served, certificate: TlsClientCertificate) -> None:
    own = HttpSettings(ca=SERVER_CA_PEM, client_certificate=certificate)
    with httpx.Client(verify=own.tls_context(), trust_env=False) as client:
        driver = SyncDriver(HttpSettings(client=client, client_certificate=certificate))
        driver.run(http(request(server)))
        certificate.replace(held(NEW))
        driver.run(http(request(server)))
        driver.close()
        assert server.connections == [OLD.der]
        assert not client.is_closed
