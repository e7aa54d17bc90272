"""A message that a server receives: who sent it, what was answered, and what was decided meanwhile.

Spec: RFC 9110 7.8
Role: RP, RS, AS
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import parse_qs

from fapikit.errors import FapiError
from fapikit_viewer.capture import MARK
from fapikit_viewer.capture.bodies import Copy
from fapikit_viewer.capture.message import Headers, MessageRecord
from fapikit_viewer.checks import checks_event, lines_of_token, refusal_event
from fapikit_viewer.recording import Event, Party, Recording, never_fails
from fapikit_viewer.urls import parts_of

ABOUT: Final[ContextVar[str | None]] = ContextVar("fapikit_viewer_about", default=None)
"""The id of the message that is being served here."""
_MAX_ID: Final = 64
_MAX_REFUSALS: Final = 20


class Served:
    """Records one message that a server receives. Nothing here raises."""

    def __init__(
        self, recording: Recording, party: Party, *, method: str, url: Callable[[], str], headers: Headers
    ) -> None:
        self._recording = recording
        self._party = party
        self._headers = headers
        self._method = method
        self._sent: Copy | None = Copy(_first(headers, "content-encoding"))
        self._answer = Copy()
        self._status = 0
        self._answer_headers: Headers = []
        self._refusals: list[Event] = []
        self.id: str | None = None
        with never_fails(recording):
            self._url = url()
            by_browser = _is_browser(headers, self._url)
            self._record = MessageRecord(
                recording,
                sender="browser" if by_browser else "client",
                receiver=party.name,
                channel="front" if by_browser else "back",
                by="receiver",
                id=_id(_first(headers, MARK)),
            )
            self.id = self._record.id

    def received(self, piece: bytes) -> None:
        """A part of the request's body was read."""
        if self._sent is not None:
            self._sent.add(piece)

    def whole(self) -> None:
        """The request is complete, or its answer begins and nobody will read the rest."""
        sent, self._sent = self._sent, None
        if sent is None or self.id is None:
            return
        with never_fails(self._recording):
            announced = _first(self._headers, "content-length")
            body = sent.octets
            if sent.length == 0 and announced not in ("", "0"):
                body = None  # nobody has read it
            length = sent.length or (int(announced) if announced.isdigit() else None)
            self._record.request(self._method, self._url, self._headers, body, length)

    def refused(self, error: FapiError) -> None:
        """The listener for refusals (`fapikit.refusals`)."""
        with never_fails(self._recording):
            if len(self._refusals) < _MAX_REFUSALS:
                self._refusals.append(refusal_event(self._party.name, error, about=self.id))

    def answers(self, status: int, headers: Headers) -> None:
        """The head of the answer."""
        self.whole()
        if self.id is None:
            return
        with never_fails(self._recording):
            self._record.answered()
            self._status, self._answer_headers = status, headers
            self._answer = Copy(_first(headers, "content-encoding"))

    def answered(self, piece: bytes) -> None:
        """A part of the answer's body."""
        self._answer.add(piece)

    def done(self, token: Any = None) -> None:
        """The answer is complete, or was given up. `token`: the access token that the request passed with, if any."""
        self.whole()
        with never_fails(self._recording):
            if self.id is None or not self._status:
                return
            status, self._status = self._status, 0
            self._record.response(status, self._answer_headers, self._answer.octets, self._answer.length)
            self._decided(status, token)

    def _decided(self, status: int, token: Any) -> None:
        refusals, self._refusals = self._refusals, []
        # An app may excuse a refusal, such as that of a request without a token to a public page.
        refused = status >= 400 or "error=" in _first(self._answer_headers, "location")
        if refused:
            for event in refusals:
                self._recording.append(event)
        if token is not None and hasattr(token, "confirmation"):
            self._recording.append(checks_event(self._party.name, lines_of_token(token), about=self.id))


def _is_browser(headers: Headers, url: str) -> bool:
    """Whether a browser has sent this, as far as one can see."""
    names = {name.lower() for name, _ in headers}
    if {"sec-fetch-mode", "origin", "cookie"} & names or "text/html" in _first(headers, "accept"):
        return True
    # An authorization request and its answer travel through browsers, also through one that hides what it is.
    asked = parse_qs(parts_of(url).query).keys()
    return {"client_id", "response_type"} <= asked or {"client_id", "request_uri"} <= asked


def _id(sent: str) -> str | None:
    """The id that a sender has chosen, if it can be one."""
    return sent if 0 < len(sent) <= _MAX_ID and sent.isascii() and sent.isalnum() else None


def _first(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key.lower() == name), "")
