"""One message while it is recorded: its request is written at once, and once more when its answer is complete.

Role: RP, RS, AS
"""

from __future__ import annotations

import time
from typing import Any, Literal, TypeAlias
from uuid import uuid4

from fapikit_viewer.masking.message import MaskedMessage, recorded_request, recorded_response
from fapikit_viewer.recording import Recording

Channel: TypeAlias = Literal["front", "back"]
Headers: TypeAlias = list[tuple[str, str]]


class MessageRecord:
    """`by`: whose record this is, the sender's or the receiver's. `id`: the one that the sender has chosen, if any."""

    def __init__(
        self,
        recording: Recording,
        *,
        sender: str,
        receiver: str,
        channel: Channel,
        by: Literal["sender", "receiver"],
        id: str | None = None,  # noqa: A002 - the name in the event
    ) -> None:
        self.id = id or uuid4().hex
        self._recording = recording
        self._masked = MaskedMessage(throwaway=recording.throwaway_keys, shown=recording.shown)
        self._started = time.monotonic()
        self._event: dict[str, Any] = {
            "kind": "message",
            "id": self.id,
            "at": time.time(),
            "by": by,
            "channel": channel,
            "from": sender,
            "to": receiver,
            "ms": None,
            "request": None,
            "response": None,
        }

    def request(
        self, method: str, url: str, headers: Headers, body: bytes | None, length: int | None = None
    ) -> None:
        """The message is on its way. `body`: None if it is not at hand."""
        self._event["request"] = recorded_request(
            self._masked, method=method, url=url, headers=headers, body=body, length=length
        )
        self._recording.append(self._event)

    def answered(self) -> None:
        """The head of the answer is there: this is the time that the message took."""
        self._event["ms"] = round((time.monotonic() - self._started) * 1000, 1)

    def response(self, status: int, headers: Headers, body: bytes | None, length: int | None = None) -> None:
        """The answer is complete. `body`: None if it was not read, or is too long."""
        if self._event["request"] is None:
            return
        self._event["response"] = recorded_response(
            self._masked, status=status, headers=headers, body=body, length=length
        )
        self._recording.append(self._event)
