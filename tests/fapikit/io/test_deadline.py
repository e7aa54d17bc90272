"""What is left of a deadline for each thing that a thread waits for. Over sockets: `test_drivers`, `test_tls`."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import httpcore
import httpx
import pytest

from fapikit.io.bounded_transport import _Backend, bounded
from fapikit.io.deadline import deadline
from tests.clocks import FrozenClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    clock = FrozenClock()
    # The module's own view of time alone: event loops of servers in other threads go by the real one.
    monkeypatch.setattr("fapikit.io.deadline.time", SimpleNamespace(monotonic=clock))
    return clock


def get(timeout: float) -> None:
    with httpx.Client(transport=bounded(httpx.HTTPTransport(trust_env=False)), trust_env=False) as client:
        client.get("https://as.example/", timeout=timeout)


@pytest.fixture
def offered(clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """The name has five addresses, of which none answers; what is offered is the time for each."""
    offered: list[tuple[str, float]] = []
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{n}", 443)) for n in range(5)]

    def connect(_self: Any, host: str, _port: int, timeout: float, *_: Any) -> None:
        offered.append((host, timeout))
        clock.advance(timeout)
        raise httpcore.ConnectTimeout

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    return offered


def test_all_addresses_of_a_name_share_one_deadline(offered: list[tuple[str, float]]) -> None:
    with pytest.raises(httpx.TimeoutException), deadline(10.0):
        get(4.0)
    assert offered == [(f"192.0.2.{n}", seconds) for n, seconds in enumerate([4.0, 3.0, 1.5, 0.75, 0.75])]


def test_an_address_that_never_answers_leaves_time_for_the_next(offered: list[tuple[str, float]]) -> None:
    with pytest.raises(httpx.TimeoutException), deadline(4.0):
        get(4.0)
    assert [timeout for _, timeout in offered] == [2.0, 1.0, 0.5, 0.25, 0.25]


def test_without_a_deadline_each_has_its_own_time(offered: list[tuple[str, float]]) -> None:
    with pytest.raises(httpx.ConnectTimeout):
        get(4.0)
    assert [timeout for _, timeout in offered] == [4.0] * 5


def test_a_server_that_takes_a_long_body_slowly_ends_with_the_deadline(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[bytes] = []

    class Slow(httpcore.MockStream):
        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            assert timeout is not None
            clock.advance(2.0)
            taken.append(buffer)

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("192.0.2.1", 443))])
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda *_: Slow([]))
    stream = _Backend().connect_tcp("as.example", 443, 4.0)
    body = bytes(range(256)) * 256
    with deadline(10.0):
        stream.write(body, 4.0)
        with pytest.raises(httpcore.ReadTimeout):
            stream.write(body, 4.0)
    assert b"".join(taken)[: len(body)] == body
    assert len(taken) == 5


def test_a_name_without_addresses_cannot_be_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    with pytest.raises(httpx.ConnectError, match="no address"):
        get(4.0)
