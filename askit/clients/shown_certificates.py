"""The certificates that clients registered to show, as far as this process has learnt of them, told to its handshake.

What this process registers is told at once. What another process registers, or a client publishes behind its
`jwks_uri`, is found by looking again and again.

Spec: RFC 8705 2.2, 2.2.2
Role: AS
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeAlias

from askit.clients.client import Client
from askit.clients.known_clients import Clients
from askit.clients.registrations import Registrations
from askit.config.client_certificates import shows_certificate
from fapikit.errors import FapiError
from fapikit.flow import Flow

LOOK_EVERY: Final = 30.0
"""Seconds."""
_PER_CLIENT: Final = 20

Tell: TypeAlias = Callable[[Collection[bytes]], None]
Run: TypeAlias = Callable[[Flow[frozenset[bytes]]], Coroutine[Any, Any, frozenset[bytes]]]


class ShownCertificates:
    """Nothing is looked for until somebody wants to be told (`attach`)."""

    def __init__(self, clients: Clients, registrations: Registrations, run: Run) -> None:
        self._clients = clients
        self._registrations = registrations
        self._run = run
        self._of: dict[str, frozenset[bytes]] = {}
        self._tell: Tell | None = None
        self._look_now = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    def attach(self, tell: Tell) -> None:
        """`tell` is called with all certificates, DER, whenever others are known. It raises nothing."""
        self._tell = tell

    def start(self) -> None:
        """Tell what the configuration holds, and begin to look for the rest."""
        if self._tell is None:
            return
        for client in self._clients.configured:
            self._of[client.client_id] = _few(client.own_certificates)
        self._tell_all()
        self._looking = asyncio.get_running_loop().create_task(self._look_again_and_again())

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    def learn(self, client: Client) -> None:
        """A client that has registered itself, or changed what it registered."""
        self._of[client.client_id] = _few(client.own_certificates)
        self._tell_all()
        self._look_now.set()

    def forget(self, client_id: str) -> None:
        """A client that is gone."""
        if self._of.pop(client_id, None):
            self._tell_all()

    async def _look_again_and_again(self) -> None:
        while True:
            self._look_now.clear()
            with suppress(FapiError):  # the store does not answer: what is known stays
                await self._look()
            with suppress(TimeoutError):
                # Not `wait_for`: before Python 3.12 it may swallow the cancellation of `stop`.
                async with asyncio.timeout(LOOK_EVERY):
                    await self._look_now.wait()

    async def _look(self) -> None:
        found: dict[str, frozenset[bytes]] = {}
        async for client in self._everybody():
            known = client.own_certificates
            if "jwks_uri" in client.metadata and shows_certificate(client):
                known = self._of.get(client.client_id, frozenset())
                with suppress(FapiError):  # it does not answer: what it published before stays
                    known = await self._run(self._clients.keys_of(client).certificates())
            found[client.client_id] = _few(known)
        self._of = found
        self._tell_all()

    async def _everybody(self) -> AsyncIterator[Client]:
        for client in self._clients.configured:
            yield client
        for client_id in await self._registrations.client_ids():
            found = await self._clients.find(client_id)
            if found is not None:
                yield found

    def _tell_all(self) -> None:
        """Those of the configuration come first, so that whoever registers does not crowd them out."""
        if self._tell is not None:
            ordered = (der for certificates in self._of.values() for der in sorted(certificates))
            self._tell(dict.fromkeys(ordered).keys())


def _few(certificates: frozenset[bytes]) -> frozenset[bytes]:
    return frozenset(sorted(certificates)[:_PER_CLIENT])
