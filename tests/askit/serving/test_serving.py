"""What `python -m askit` and the pytest plugin serve, over TLS sockets: nobody's half a request keeps others out."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from types import MappingProxyType
from typing import Any

import httpx
import pytest

from askit.pytest_plugin.running import RunningServer, running
from askit.server import AuthorizationServer
from askit.serving import bounded_http
from askit.serving.listener import Incoming
from fapikit.io.tls import client_context

Running = RunningServer[AuthorizationServer]
PATIENCE = 20.0
"""Seconds that a test waits for what has to come; none waits for time to pass."""
SLOW: dict[str, Any] = {"header_seconds": 60, "body_seconds": 60, "answer_seconds": 60, "idle_seconds": 60}
HALF = b"GET /jwks HTTP/1.1\r\nHost: localhost\r\n"
WHOLE = HALF + b"\r\n"
POST = b"POST /par HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"


class _Bank:
    """A running server, and connections to it that are closed at the end."""

    def __init__(self, server: Running, opened: ExitStack) -> None:
        self.server = server
        self._opened = opened
        self._context = client_context(ca=server.ca)

    def plain(self, address: str = "127.0.0.1", *, room: int | None = None) -> socket.socket:
        """`room`: octets that are taken in before anybody reads them."""
        made = self._opened.enter_context(socket.socket())
        made.settimeout(PATIENCE)
        if room is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        made.bind((address, 0))
        made.connect(("127.0.0.1", self.server.app.config.address[1]))
        return made

    def tls(
        self, opening: bytes = b"", address: str = "127.0.0.1", *, room: int | None = None
    ) -> ssl.SSLSocket:
        made = self._context.wrap_socket(self.plain(address, room=room), server_hostname="localhost")
        self._opened.enter_context(made)
        made.sendall(opening)
        return made

    def status(self) -> int:
        """Of an honest request over a connection of its own."""
        with httpx.Client(verify=self._context, trust_env=False, timeout=PATIENCE) as http:
            return http.get(f"{self.server.issuer}/jwks").status_code


@contextmanager
def _bank(settings: Mapping[str, Any] = MappingProxyType({}), **limits: Any) -> Iterator[_Bank]:
    with (
        running({**settings, "limits": {**SLOW, **limits}}, kind=AuthorizationServer) as server,
        ExitStack() as opened,
    ):
        yield _Bank(server, opened)


def _answer(connection: socket.socket) -> bytes:
    """All that comes until the other side ends the connection."""
    read = b""
    with suppress(ConnectionError, ssl.SSLError):
        while received := connection.recv(65536):
            read += received
    return read


def _is_open(connection: socket.socket) -> bool:
    """Whether the server has not ended it by now: it answers the rest of a request."""
    with suppress(OSError):
        connection.sendall(b"Connection: close\r\n\r\n")
        return _answer(connection).startswith(b"HTTP/1.1 200")
    return False


# --- many connections ---


def test_half_sent_requests_keep_nobody_out() -> None:
    """The oldest give way, of the one address that all of them come from, and of any other."""
    with _bank(connections=8, connections_per_address=8) as bank:
        half = [bank.tls(HALF) for _ in range(20)]
        assert bank.status() == 200
        assert [_is_open(connection) for connection in half] == [False] * 13 + [True] * 7


def test_nor_do_connections_that_never_shake_hands() -> None:
    with _bank(connections=8, connections_per_address=8) as bank:
        silent = [bank.plain() for _ in range(20)]
        assert bank.status() == 200
        assert [_answer(connection) for connection in silent[:13]] == [b""] * 13


def test_nor_do_bodies_that_are_not_finished() -> None:
    with _bank(connections=8, connections_per_address=8) as bank:
        half = [bank.tls(POST + b"Content-Length: 10\r\n\r\nclient") for _ in range(20)]
        assert bank.status() == 200
        assert [_answer(connection) for connection in half[:13]] == [b""] * 13


def test_one_address_leaves_those_of_another_alone() -> None:
    with _bank(connections=8, connections_per_address=4) as bank:
        other = [bank.tls(HALF, "127.0.0.2") for _ in range(4)]
        crowd = [bank.tls(HALF) for _ in range(12)]
        assert [_is_open(connection) for connection in other] == [True] * 4
        assert [_is_open(connection) for connection in crowd] == [False] * 8 + [True] * 4


def test_the_addresses_behind_a_proxy_of_ours_are_not_one() -> None:
    with _bank({"trusted_proxies": ["127.0.0.1"]}, connections=8, connections_per_address=2) as bank:
        through = [bank.tls(HALF) for _ in range(6)]
        assert [_is_open(connection) for connection in through] == [True] * 6


def test_a_request_that_is_being_answered_is_not_ended_for_another() -> None:
    with _bank(connections=2, connections_per_address=2) as bank:
        go_on, jwks = _held_up(bank.server)
        working = [bank.tls(HALF + b"Connection: close\r\n\r\n") for _ in range(2)]
        jwks.wait(2)
        with pytest.raises((OSError, ssl.SSLError)):
            bank.tls(WHOLE).recv(1)
        go_on()
        assert [_answer(connection)[:12] for connection in working] == [b"HTTP/1.1 200"] * 2
        assert bank.status() == 200


class _Asked:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked = asyncio.Semaphore(0)

    def asked(self) -> None:
        self._asked.release()

    def wait(self, times: int) -> None:
        for _ in range(times):
            asyncio.run_coroutine_threadsafe(self._asked.acquire(), self._loop).result(PATIENCE)


def _held_up(server: Running) -> tuple[Callable[[], object], _Asked]:
    """The keys are not served until the first is called; the second tells when they were asked for."""
    assert server.loop is not None
    loop, core, may = server.loop, server.app.core, asyncio.Event()
    asked, jwks = _Asked(loop), core.jwks

    async def held_up() -> dict[str, Any]:
        asked.asked()
        await may.wait()
        return await jwks()

    core.jwks = held_up  # type: ignore[method-assign]
    return lambda: loop.call_soon_threadsafe(may.set), asked


# --- one connection ---


@pytest.mark.spec("RFC 6585 5")
@pytest.mark.parametrize("piece", [b"x-%d: " + b"y" * 300 + b"\r\n", b"x-%d: y\r\n", b"y%d" * 20])
def test_a_head_that_never_ends_is_cut_off_early(piece: bytes) -> None:
    """Long lines, many lines, one line."""
    with _bank(header_octets=4096, headers=50, sealed_request_octets=4096) as bank:
        connection, sent = bank.tls(HALF), 0
        with suppress(OSError):
            for number in range(100_000):
                line = piece.replace(b"%d", b"%d" % number)
                connection.sendall(line)
                sent += len(line)
        assert sent < 2_000_000  # most of it lies in buffers on the way
        assert bank.status() == 200


@pytest.mark.spec("RFC 6585 5")
@pytest.mark.parametrize(
    "lines", [b"x: " + b"y" * 5000 + b"\r\n", b"".join(b"x-%d: y\r\n" % number for number in range(60))]
)
def test_a_head_that_comes_whole_is_measured_too(lines: bytes) -> None:
    with _bank(header_octets=4096, headers=50, sealed_request_octets=4096) as bank:
        assert _answer(bank.tls(HALF + lines + b"\r\n")).startswith(b"HTTP/1.1 431 ")
        assert _answer(bank.tls(HALF + b"x: y\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("opening", [b"", b"GET /jw", HALF])
def test_a_head_ends_in_time_however_it_drips(opening: bytes) -> None:
    with _bank(header_seconds=1) as bank:
        connection = bank.tls(opening)
        _drip(connection, b"x" if opening else b"")
        assert _answer(connection) == b""


def test_a_handshake_ends_in_time() -> None:
    with _bank(header_seconds=1) as bank:
        assert _answer(bank.plain()) == b""


def test_the_head_of_a_further_request_ends_in_time_too() -> None:
    with _bank(header_seconds=1) as bank:
        connection = bank.tls(WHOLE)
        _read_whole(connection)
        connection.sendall(HALF)
        assert _answer(connection) == b""


def test_a_connection_that_is_not_used_ends() -> None:
    with _bank(idle_seconds=0.1) as bank:
        connection = bank.tls(WHOLE)
        _read_whole(connection)
        assert _answer(connection) == b""


@pytest.mark.spec("RFC 9110 15.5.9")
def test_a_body_that_drips_is_answered_and_then_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "LINGERING", 1.0)
    with _bank(body_seconds=0.2) as bank:
        connection = bank.tls(POST + b"Content-Length: 100000\r\n\r\n")
        _drip(connection, b"x")
        assert _answer(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("path", [b"/par", b"/nowhere", b"/jwks"])
def test_a_body_without_end_is_read_no_further_than_twice_its_bound(path: bytes) -> None:
    """Whether its endpoint reads it or not."""
    with _bank(body_octets=8192, long_parameter_octets=8192) as bank:
        head = POST.replace(b"/par", path) + b"Transfer-Encoding: chunked\r\n\r\n"
        connection, sent = bank.tls(head), 0
        with suppress(OSError):
            for _ in range(20_000):
                connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                sent += 4096
        assert sent < 20_000_000
        assert bank.status() == 200


def test_a_body_in_crumbs_is_refused() -> None:
    """Each costs as much work as a whole one."""
    with _bank() as bank:
        crumbs = b"1\r\nx\r\n" * 5000
        answer = _answer(bank.tls(POST + b"Transfer-Encoding: chunked\r\n\r\n" + crumbs + b"0\r\n\r\n"))
        assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "message",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /jwks HTTP/1.1\r\nno colon\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST.replace(b"/par", b"/nowhere") + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\nzz\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_breaks_nothing(
    message: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with _bank() as bank:
        answer = _answer(bank.tls(message))
        assert answer[:13] in (b"HTTP/1.1 400 ", b"HTTP/1.1 404 ")
        assert bank.status() == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_answers_that_nobody_takes_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many requests, and not one answer is read: the server does not wait for that without end."""
    ended, give_way = threading.Event(), Incoming.give_way

    def told(incoming: Incoming) -> None:
        give_way(incoming)
        ended.set()

    monkeypatch.setattr(Incoming, "give_way", told)
    with _bank(answer_seconds=1) as bank:
        connection = bank.tls(room=4096)
        connection.setblocking(False)
        for _ in range(int(PATIENCE / 0.01)):
            with suppress(ssl.SSLWantWriteError):
                connection.send(WHOLE * 100)
            if ended.wait(0.01):
                break
        assert ended.is_set()
        assert bank.status() == 200


def test_a_websocket_is_not_begun() -> None:
    with _bank() as bank:
        upgrade = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        assert _answer(bank.tls(HALF + upgrade + key)).startswith(b"HTTP/1.1 200 ")


def test_requests_one_behind_another_are_all_answered() -> None:
    """Each arms and ends its deadlines for itself."""
    with _bank() as bank:
        connection = bank.tls(WHOLE * 3 + HALF + b"Connection: close\r\n\r\n")
        assert _answer(connection).count(b"HTTP/1.1 200 ") == 4


def _drip(connection: socket.socket, octet: bytes) -> None:
    """An octet every 20 ms, until the other side has something to say."""
    with suppress(OSError):
        for _ in range(int(PATIENCE / 0.02)):
            readable, _, _ = select.select([connection], [], [], 0.02)
            if readable:
                return
            connection.sendall(octet)


def _read_whole(connection: socket.socket) -> None:
    """One answer; its length stands in its head."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
