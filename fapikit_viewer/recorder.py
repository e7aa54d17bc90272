"""Records what one party sends, receives and decides: `Recorder` is all that an application needs.

    recording = Recording("flow.jsonl")
    fintech = Recorder(recording, Party("fintech", "client", origins=("https://fintech.example",)))
    bank = Client.discover(ISSUER, ..., http=fintech.http())
    app = fintech.asgi(app)

Role: RP, RS, AS
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from fapikit.errors import FapiError
from fapikit.io import HttpSettings
from fapikit_viewer.capture import http_client
from fapikit_viewer.capture.asgi import ASGIApp, RecordedApp
from fapikit_viewer.capture.http_client import LAST_SENT
from fapikit_viewer.capture.message import Channel, MessageRecord
from fapikit_viewer.capture.served import ABOUT
from fapikit_viewer.capture.wsgi import RecordedWSGIApp, WSGIApp
from fapikit_viewer.checks import checks_event, lines_of_report, refusal_event
from fapikit_viewer.kinds import origin_of
from fapikit_viewer.recording import Party, Recording, never_fails

C = TypeVar("C")


class Recorder:
    """One party's pen in a recording. Threads, tasks and forked processes may share it."""

    def __init__(self, recording: Recording, party: Party) -> None:
        self.recording = recording
        self.party = party
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        recording.add_party(party)

    def __repr__(self) -> str:
        return f"Recorder({self.party.name!r}, {self.recording!r})"

    # What this party sends.

    def http(self, settings: HttpSettings | None = None) -> HttpSettings:
        """HTTP settings for `rpkit`, `rskit` or `askit`: every message that they send is recorded.

        Of a client, its checks and errors are recorded too. Without `settings`, the defaults are used.
        """
        return replace(settings or HttpSettings(), watcher=self)

    def watch(self, client: C, channel: Channel | None = None) -> C:
        """Record what a client of httpx or httpx2 sends from now on. Returns the client.

        `channel`: `front` for what a browser sends. That is the default for a party with that role.
        """
        used = channel or ("front" if self.party.role == "browser" else "back")
        http_client.watch(client, self.recording, lambda url: self._sent(url, used))
        return client

    # What this party receives.

    def asgi(self, app: ASGIApp) -> RecordedApp:
        """The ASGI app, recorded. Put it around everything else, around `Protect` too."""
        return RecordedApp(app, self.recording, self.party)

    def wsgi(self, app: WSGIApp) -> RecordedWSGIApp:
        """The WSGI app, recorded. Put it around everything else, around `Protect` too."""
        return RecordedWSGIApp(app, self.recording, self.party)

    # What this party decides.

    def passed(self, report: Iterable[Any]) -> None:
        """Record the checks of a report, such as `login.report`. With `http()` that happens by itself."""
        with never_fails(self.recording):
            self.recording.append(checks_event(self.party.name, lines_of_report(report), about=None))

    def refused(self, error: FapiError) -> None:
        """Record why this party refuses. It is about the message that it sent last here, or that it serves here."""
        with never_fails(self.recording):
            about = LAST_SENT.get() or ABOUT.get()
            self.recording.append(refusal_event(self.party.name, error, about=about))

    # What drivers tell (`fapikit.io.watcher.Watcher`).

    def client(self, client: Any) -> None:
        with never_fails(self.recording):
            self.watch(client)

    def begins(self) -> None:
        LAST_SENT.set(None)

    def ended(self, result: Any) -> None:
        report = getattr(result, "report", None)
        if report is not None and self._is_first(report):
            self.passed(report)

    def failed(self, error: BaseException) -> None:
        if isinstance(error, FapiError) and self._is_first(error):
            self.refused(error)

    def _is_first(self, told: Any) -> bool:
        """Whether this report or error of a client is told for the first time. Servers tell theirs where they serve."""
        if self.party.role not in ("client", "device") or told in self._seen:
            return False
        self._seen.add(told)
        return True

    def _sent(self, url: str, channel: Channel) -> MessageRecord:
        return MessageRecord(
            self.recording,
            sender=self.party.name,
            receiver=origin_of(url),
            channel=channel,
            by="sender",
        )
