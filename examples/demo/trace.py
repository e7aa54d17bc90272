"""The HTTP messages between the parties: recorded for the flow viewer, and printed, one line for each.

Every sender records what it sends, to a file that all processes share. APIs and apps record what they decide. Secrets
are masked, although every key here is thrown away: so the demo shows what a recording of real parties would hold.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx

from examples.demo.explain import explain
from examples.demo.notes import note_of
from examples.demo.world import World
from fapikit import HttpSettings, TlsClientCertificate
from fapikit_viewer import Party, Recording
from fapikit_viewer import Recorder as PartyRecorder
from fapikit_viewer.recording import Event, Role

FILE: Final = "trace.jsonl"
_LONG_NAMES = ("/grant_management/", "/status_lists/")
_SHOWN = frozenset({"iss", "client_id", "error", "response_mode"})
_ROLES: Final[Mapping[str, tuple[Role, str]]] = {
    "bank": ("as", "The bank"),
    "bank2": ("as", "The other bank"),
    "accounts": ("rs", "Accounts API"),
    "payments": ("rs", "Payments API"),
    "fintech": ("client", "The fintech"),
    "shop": ("client", "The shop"),
    "television": ("device", "The television"),
    "till": ("browser", "The till's browser"),
    "phone": ("browser", "The customer's phone"),
    "browser": ("browser", "The customer's browser"),
    "victim": ("client", "A victim's client"),
    "attacker": ("attacker", "An attacker"),
}


def party_of(world: World, name: str) -> Party:
    """A party of the demo, with its addresses."""
    role, title = _ROLES.get(name, ("client", name))
    for bank in world.banks:
        if bank.party == name:
            title = bank.title
    return Party(
        name, role, title, tuple(origin for origin in world.origins if world.party_at(origin) == name)
    )


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


class Recorder(PartyRecorder):
    """Records the messages of one party of the demo."""

    def __init__(self, world: World, sender: str) -> None:
        super().__init__(Recording(world.path(FILE)), party_of(world, sender))
        self._world = world

    def settings(self, certificate: TlsClientCertificate | None = None) -> HttpSettings:
        """A party's HTTP settings: it trusts the demo's CA, uses its certificate if any, and records every message."""
        connections = HttpSettings(ca=self._world.path("ca.pem"), client_certificate=certificate)
        tls = connections.tls_context(self._world.profile)
        ready = replace(
            connections,
            client=self.watch(httpx.Client(verify=tls, trust_env=False)),
            async_client=self.watch(httpx.AsyncClient(verify=tls, trust_env=False)),
        )
        return self.http(ready)

    def received(self, sender: str, method: str, path: str, status: int, milliseconds: float) -> None:
        """Record a message to this party whose sender records nothing."""
        url = f"{self.party.origins[0]}{path}"
        event = {"kind": "message", "id": uuid4().hex, "at": time.time(), "by": "sender", "channel": "back"}
        event |= {"from": sender, "to": self.party.name, "ms": milliseconds}
        event["request"] = {"method": method, "url": url, "headers": [], "body": ""}
        event["response"] = {"status": status, "headers": [], "body": ""}
        self.recording.append(event)


class Trace:
    """Reads the messages that were recorded since the last read."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.recording = Recording(world.path(FILE))
        for name in ("browser", *(world.party_at(origin) for origin in world.origins)):
            self.recording.add_party(party_of(world, name))
        self._position = 0
        self._number = 0

    def new(self) -> list[Message]:
        messages = []
        while (read := self.recording.read(self._position)).position > self._position:
            self._position = read.position
            messages += [self._message(event) for event in read.events if _is_answered(event)]
        return messages

    def lines(self, messages: list[Message]) -> Iterator[str]:
        for message in messages:
            self._number += 1
            yield message.line(self._number, self._world)

    def _message(self, event: Event) -> Message:
        request, response = event["request"], event["response"]
        url = urlsplit(request["url"])
        return Message(
            event["from"],
            self._world.party_at(event["to"]),
            request["method"],
            mask(_path(url.path), url.query),
            response["status"],
            event["ms"],
            note_of(request, response),
        )


def _is_answered(event: Mapping[str, Any]) -> bool:
    """Whether this is a whole message, from the one who sent it."""
    return event["kind"] == "message" and event["by"] == "sender" and event["response"] is not None


def _path(path: str) -> str:
    """A path whose last part is a long name is shown without it."""
    return next((f"{long}***" for long in _LONG_NAMES if path.startswith(long)), path or "/")


def mask(path: str, query: str) -> str:
    """A path with its query. Every value that may be secret is replaced by stars."""
    if not query:
        return path
    shown = (f"{name}={value if name in _SHOWN else '***'}" for name, value in parse_qsl(query))
    return f"{path}?{'&'.join(shown)}"
