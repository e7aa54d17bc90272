"""Errors of Shared Signals: an event that is well signed, and still not taken.

Spec: RFC 8935 2.4; SSF 8.1.4
"""

from __future__ import annotations

from math import ceil

from fapikit.errors.base import FapiError, Remedy


class SignalError(FapiError):
    """A security event, or the message that brought it, is refused. `code`: the `err` for its transmitter."""

    code: str | None = "invalid_request"
    clause = "RFC 8935 2.4"


class WrongPushAuthorization(SignalError):
    """The Authorization header of a push is not the one that the stream was made with."""

    code = "authentication_failed"


class UnknownVerification(SignalError):
    """A verification event has a `state` that was not asked for here."""

    code = "invalid_state"
    clause = "SSF 8.1.4"


class TooManyEvents(SignalError):
    """A transmitter has sent more than it may in a minute, so this event was not looked at. It is to come again.

    `retry_after`: seconds until there is room for it.
    """

    code = None
    clause = "RFC 6585 4"
    remedy = Remedy.RETRY_LATER

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message, facts={"retry_after": ceil(retry_after)})
        self.retry_after = retry_after
