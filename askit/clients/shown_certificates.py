"""The certificates that clients registered to show, as far as this process has learnt of them, told to its handshake.

What this process registers is told at once. What another process registers, or a client publishes behind its
`jwks_uri`, is found by looking again and again. A look reads one record, and the registrations that it names
as changed.

Spec: RFC 8705 2.2, 2.2.2
Role: AS
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any, Final, TypeAlias

from askit.clients.client import Client
from askit.clients.known_clients import Clients
from askit.clients.registrations import Registrations
from askit.config.client_certificates import shows_certificate
from fapikit.certificates.certificate import parse_certificate
from fapikit.errors import FapiError
from fapikit.flow import Flow

LOOK_EVERY: Final = 30.0
"""Seconds."""
EVERYBODY_EVERY: Final = 3600.0
"""Seconds. So often all registrations are read, because some end without a change: their lifetime is over."""
FETCH_FOR: Final = 20.0
"""Seconds. So long one look waits for what clients publish, however many there are, and however slow."""
_PER_CLIENT: Final = 20

Tell: TypeAlias = Callable[[Sequence[bytes]], Coroutine[Any, Any, None]]
Run: TypeAlias = Callable[[Flow[frozenset[bytes]]], Coroutine[Any, Any, frozenset[bytes]]]


class ShownCertificates:
    """Nothing is looked for until somebody wants to be told (`attach`)."""

    def __init__(self, clients: Clients, registrations: Registrations, run: Run) -> None:
        self._clients = clients
        self._registrations = registrations
        self._run = run
        self._configured: dict[str, Sequence[bytes]] = {}
        self._registered: dict[str, Sequence[bytes]] = {}  # the oldest client first
        self._remote: dict[str, Client] = {}  # whose certificates are behind a `jwks_uri`
        self._seen: str | None = None
        self._everybody_at = 0.0
        self._tell: Tell | None = None
        self._look_now = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    def attach(self, tell: Tell) -> None:
        """`tell` gets all certificates, DER, at each look and each change. If there are too many, the last can go.

        First come those of the configuration, then those of self-registered clients: of each client the newest
        certificate, then of each client the next one. So no client takes the place of another. `tell` raises nothing.
        """
        self._tell = tell

    async def start(self) -> None:
        """Tell what the configuration holds, and begin to look for the rest."""
        if self._tell is None:
            return
        for client in self._clients.configured:
            self._note(client)
        await self._tell_all()
        self._looking = asyncio.get_running_loop().create_task(self._look_again_and_again())

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def learn(self, client: Client) -> None:
        """A client that has registered itself, or changed what it registered. Returns when it has been told."""
        self._note(client)
        await self._tell_all()
        self._look_now.set()

    async def forget(self, client_id: str) -> None:
        """A client that is gone."""
        if self._drop(client_id):
            await self._tell_all()

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
        now = asyncio.get_running_loop().time()
        changes = await self._registrations.changes(self._seen if now < self._everybody_at else None)
        if changes.client_ids is None or changes.client_ids:
            await self._look_at_registered(changes.client_ids)
        if changes.client_ids is None:
            self._everybody_at = now + EVERYBODY_EVERY
        self._seen = changes.latest
        await self._tell_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(FETCH_FOR):
                await self._fetch()
        await self._tell_all()

    async def _fetch(self) -> None:
        """What is behind a `jwks_uri`. The next look begins with those that this one does not reach."""
        for client_id in list(self._remote):
            client = self._remote.pop(client_id, None)
            if client is None:  # gone meanwhile
                continue
            self._remote[client_id] = client  # the last now
            with suppress(FapiError):  # it does not answer: what it published before stays
                found = _newest_first(await self._run(self._clients.keys_of(client).certificates()))
                if client_id in self._remote:
                    self._group(client)[client_id] = found

    async def _look_at_registered(self, changed: Iterable[str] | None) -> None:
        """`changed`: None for all of them. In each process they have the same order, that of the list."""
        before = set(self._registered)
        everybody = await self._registrations.client_ids()
        await self._look_at(everybody if changed is None else changed)
        for client_id in before.difference(everybody):
            self._drop(client_id)
        in_order = {name: self._registered[name] for name in everybody if name in self._registered}
        self._registered = {**in_order, **self._registered}

    async def _look_at(self, client_ids: Iterable[str]) -> None:
        for client_id in client_ids:
            found = await self._clients.find(client_id)
            if found is None:
                self._drop(client_id)
            else:
                self._note(found)
            await asyncio.sleep(0)  # a store in memory answers without a pause, and requests wait meanwhile

    def _note(self, client: Client) -> None:
        group = self._group(client)
        if "jwks_uri" in client.metadata and shows_certificate(client):
            self._remote[client.client_id] = client
            group.setdefault(client.client_id, ())
        else:
            self._remote.pop(client.client_id, None)
            group[client.client_id] = _newest_first(client.own_certificates)

    def _drop(self, client_id: str) -> bool:
        self._remote.pop(client_id, None)
        return bool(self._registered.pop(client_id, None))

    def _group(self, client: Client) -> dict[str, Sequence[bytes]]:
        return self._registered if client.self_registered else self._configured

    async def _tell_all(self) -> None:
        if self._tell is not None:
            everything = *_by_turns(self._configured.values()), *_by_turns(self._registered.values())
            await self._tell(tuple(dict.fromkeys(everything)))


def _newest_first(certificates: frozenset[bytes]) -> Sequence[bytes]:
    """So many of one client. The newest are those that it shows, or is about to."""
    return sorted(certificates, key=_valid_from, reverse=True)[:_PER_CLIENT]


def _valid_from(certificate: bytes) -> tuple[float, bytes]:
    try:
        return parse_certificate(certificate).not_valid_before_utc.timestamp(), certificate
    except ValueError:  # a date that cannot be read
        return 0.0, certificate


def _by_turns(clients: Iterable[Sequence[bytes]]) -> Iterator[bytes]:
    for turn in zip_longest(*clients):
        yield from (certificate for certificate in turn if certificate is not None)
