"""The HTTP messages between the parties, one line for each, with masked secrets.

Every sender records what it sends: an httpx event hook appends a line to a file that all processes share.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from examples.demo.explain import explain
from examples.demo.notes import is_refusal, note_of
from examples.demo.world import World
from fapikit import HttpSettings, TlsClientCertificate

_LONG_NAMES = ("/grant_management/", "/status_lists/")
_SHOWN = frozenset({"iss", "client_id", "error", "response_mode"})


@dataclass(frozen=True)
class Message:
    """One request and the status of its answer."""

    sender: str
    receiver: str
    method: str
    path: str
    status: int
    milliseconds: float
    note: str = ""

    def line(self, number: int, world: World) -> str:
        meaning, clause = explain(self, world)
        route = f"{self.sender} -> {self.receiver}"
        return (
            f"   {number:02d} {route:<21} {self.method:<4} {self.path} {self.status}"
            f" | {meaning} | {clause} | {self.milliseconds:.0f} ms"
        )


class Recorder:
    """Appends the messages of one party to the shared trace."""

    def __init__(self, world: World, sender: str) -> None:
        self._world = world
        self._sender = sender
        self._file = world.path("trace.jsonl")

    def hooks(self) -> dict[str, list[Any]]:
        """Event hooks of a sync httpx client."""

        def ended(response: httpx.Response) -> None:
            if is_refusal(response):
                response.read()
            self._ended(response)

        return {"request": [self._started], "response": [ended]}

    def async_hooks(self) -> dict[str, list[Any]]:
        async def started(request: httpx.Request) -> None:
            self._started(request)

        async def ended(response: httpx.Response) -> None:
            if is_refusal(response):
                await response.aread()
            self._ended(response)

        return {"request": [started], "response": [ended]}

    def settings(self, certificate: TlsClientCertificate | None = None) -> HttpSettings:
        """A party's HTTP settings: it trusts the demo's CA, uses its certificate if any, and traces every message."""
        connections = HttpSettings(ca=self._world.path("ca.pem"), client_certificate=certificate)
        tls = connections.tls_context(self._world.profile)
        return replace(
            connections,
            client=httpx.Client(verify=tls, trust_env=False, event_hooks=self.hooks()),
            async_client=httpx.AsyncClient(verify=tls, trust_env=False, event_hooks=self.async_hooks()),
        )

    def _started(self, request: httpx.Request) -> None:
        request.extensions["demo_started"] = time.monotonic()

    def _ended(self, response: httpx.Response) -> None:
        request = response.request
        elapsed = time.monotonic() - request.extensions["demo_started"]
        url = urlsplit(str(request.url))
        message = Message(
            self._sender,
            self._world.party_at(f"{url.scheme}://{url.netloc}"),
            request.method,
            mask(_path(url.path), url.query),
            response.status_code,
            elapsed * 1000,
            note_of(request, response),
        )
        self._write(message)

    def received(self, sender: str, method: str, path: str, status: int, milliseconds: float) -> None:
        """Record a message to this party whose sender records nothing."""
        self._write(Message(sender, self._sender, method, path, status, milliseconds))

    def _write(self, message: Message) -> None:
        with self._file.open("a") as file:
            file.write(json.dumps(message.__dict__) + "\n")


class Trace:
    """Reads the messages that were recorded since the last read."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._file = world.path("trace.jsonl")
        self._position = 0
        self._number = 0

    def new(self) -> list[Message]:
        if not self._file.exists():
            return []
        with self._file.open() as file:
            file.seek(self._position)
            messages = [Message(**json.loads(line)) for line in file]
            self._position = file.tell()
        return messages

    def lines(self, messages: list[Message]) -> Iterator[str]:
        for message in messages:
            self._number += 1
            yield message.line(self._number, self._world)


def _path(path: str) -> str:
    """A path whose last part is a long name is shown without it."""
    return next((f"{long}***" for long in _LONG_NAMES if path.startswith(long)), path or "/")


def mask(path: str, query: str) -> str:
    """A path with its query. Every value that may be secret is replaced by stars."""
    if not query:
        return path
    shown = (f"{name}={value if name in _SHOWN else '***'}" for name, value in parse_qsl(query))
    return f"{path}?{'&'.join(shown)}"
