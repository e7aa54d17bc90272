"""The transport of a sync HTTP client that obeys the deadline of its thread.

httpx has a limit for each wait alone. So a server that sends an octet now and then could occupy a thread for ever. Here
each wait gets only the rest of the whole time. A DNS lookup is not limited: the operating system does it.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from typing import Any, Final

import httpcore
import httpx

from fapikit.io.deadline import seconds_left

_PIECE: Final = 16 * 1024


def bounded(transport: httpx.HTTPTransport) -> httpx.HTTPTransport:
    """The same transport, which now obeys `deadline`."""
    transport._pool._network_backend = (
        _Backend()
    )  # httpcore's pools accept a backend, and httpx does not pass one on
    return transport


def _left(timeout: float | None, *, ways: int = 1) -> float | None:
    """The seconds that may be waited now. `ways`: only this fraction (1/ways) of the rest."""
    left = seconds_left()
    if left is None:
        return timeout
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline has passed")
    return left / ways if timeout is None else min(left / ways, timeout)


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception = httpcore.ConnectError("the name has no address")
        # With a name instead of an address, the socket would wait the whole time for each of its addresses.
        for number, (*_, address) in enumerate(found, 1):
            # An address that never answers leaves half of the time for the others.
            left = _left(timeout, ways=2 if number < len(found) else 1)
            try:
                return _Stream(
                    super().connect_tcp(str(address[0]), port, left, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The inner stream applies the timeout to each partial write. So the buffer is written in pieces.
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], _left(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()
