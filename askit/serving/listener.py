"""Admits each connection before its TLS handshake, because a handshake costs memory and time.

uvicorn would begin a handshake with everybody at once, and counts only finished ones.

Spec: FAPI2-SP 5.2.1-1
Role: AS
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from askit.config.limits import Limits
from askit.config.networks import Network
from askit.requests.client_address import is_among, network_address
from askit.serving.bounded_http import BoundedHttp
from askit.serving.connections import Connections
from askit.serving.handshake import Handshake
from askit.serving.open_files import connections_to_hold

_GOODBYE: Final = 2.0
"""Seconds that a peer has to confirm the end of its connection."""


class Listener:
    """Makes the protocol of each connection that uvicorn accepts."""

    def __init__(self, handshake: Handshake, limits: Limits, *, proxies: Sequence[Network]) -> None:
        connections = connections_to_hold(limits)
        self.handshake = handshake
        self.limits = limits
        self.proxies = proxies
        self.connections = Connections(connections, min(connections, limits.connections_per_address))

    def __call__(self, **given: Any) -> Incoming:
        """The arguments are those that uvicorn passes to its protocols."""
        return Incoming(self, given)


class Incoming(asyncio.Protocol):
    """One connection until its handshake is complete. Octets that arrive before HTTP is ready are kept for it."""

    def __init__(self, listener: Listener, given: dict[str, Any]) -> None:
        self._listener = listener
        self._http = BoundedHttp(
            limits=listener.limits, connections=listener.connections, place=self, **given
        )
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._handshake: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        peer = transport.get_extra_info("peername")
        address, listener = str(peer[0]) if peer else "", self._listener
        is_proxy = is_among(address, listener.proxies)
        if not listener.connections.admit(self, network_address(address), proxy=is_proxy):
            transport.abort()
            return
        transport.pause_reading()
        self._handshake = asyncio.get_running_loop().create_task(self._shake_hands(transport))

    def data_received(self, data: bytes) -> None:
        self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self._listener.connections.forget(self)
        if self._handshake is not None:
            self._handshake.cancel()

    def give_way(self) -> None:
        """Close it at once, without a TLS close message."""
        if self._transport is not None:
            self._transport.abort()

    async def _shake_hands(self, transport: asyncio.Transport) -> None:
        try:
            tls = await asyncio.get_running_loop().start_tls(
                transport,
                self,
                self._listener.handshake.context,
                server_side=True,
                ssl_handshake_timeout=self._listener.limits.header_seconds,
                ssl_shutdown_timeout=_GOODBYE,
            )
        except OSError as error:  # the base class of ssl.SSLError, ConnectionError and TimeoutError
            self._listener.handshake.note_failure(error)
            self._listener.connections.forget(self)
            return
        if tls is None or tls.is_closing():
            return
        tls.set_protocol(self._http)
        self._http.connection_made(tls)
        for data in self._early:
            self._http.data_received(data)
        self._early.clear()
