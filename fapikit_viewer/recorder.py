"""Records what one party sends, receives and decides: `Recorder` is all that an application needs.

    recording = Recording("flow.jsonl")
    fintech = Recorder(recording, Party("fintech", "client", origins=("https://fintech.example",)))
    bank = Client.discover(ISSUER, ..., http=fintech.http())
    app = fintech.asgi(app)

Role: RP, RS, AS
"""

from __future__ import annotations

from typing import TypeVar

from fapikit_viewer.capture import http_client
from fapikit_viewer.capture.message import Channel, MessageRecord
from fapikit_viewer.kinds import origin_of
from fapikit_viewer.recording import Party, Recording

C = TypeVar("C")


class Recorder:
    """One party's pen in a recording."""

    def __init__(self, recording: Recording, party: Party) -> None:
        self.recording = recording
        self.party = party
        recording.add_party(party)

    def __repr__(self) -> str:
        return f"Recorder({self.party.name!r}, {self.recording!r})"

    def watch(self, client: C, channel: Channel | None = None) -> C:
        """Record what a client of httpx or httpx2 sends from now on. Returns the client.

        `channel`: `front` for what a browser sends, which is the default for a party with that role.
        """
        used = channel or ("front" if self.party.role == "browser" else "back")
        http_client.watch(client, self.recording, lambda url: self._sent(url, used))
        return client

    def _sent(self, url: str, channel: Channel) -> MessageRecord:
        return MessageRecord(
            self.recording,
            sender=self.party.name,
            receiver=origin_of(url),
            channel=channel,
            by="sender",
        )
