"""Errors of Shared Signals: an event that is well signed, and still not taken.

Spec: RFC 8935 2.4; SSF 8.1.4
"""

from __future__ import annotations

from fapikit.errors.base import FapiError


class SignalError(FapiError):
    """A security event, or the message that brought it, is refused. `code`: the `err` for its transmitter."""

    code = "invalid_request"
    clause = "RFC 8935 2.4"


class WrongPushAuthorization(SignalError):
    """The Authorization header of a push is not the one that the stream was made with."""

    code = "authentication_failed"


class UnknownVerification(SignalError):
    """A verification event has a `state` that was not asked for here."""

    code = "invalid_state"
    clause = "SSF 8.1.4"
