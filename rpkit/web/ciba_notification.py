"""The endpoint that a server tells of its decisions (`backchannel_client_notification_endpoint`), for any framework.

A stranger costs one look into the store, fills no log, and learns nothing: a wrong token and an unknown request get the
same answer.

Spec: CIBA 10.2b, 10.3.1c; RFC 6750 3; RFC 9110 15.5.14, 15.5.16
Role: C
"""

from __future__ import annotations

from typing import Final

from fapikit.clock import Clock, system_clock
from fapikit.errors import FapiError, StoreError, TransportError
from fapikit.token_bucket import TokenBucket
from rpkit.errors import WrongNotificationToken
from rpkit.web.messages import MAX_BODY, PRIVATE_HEADERS, WebAnswer, WebRequest
from rpkit.web.sign_in import log_failure

NOTIFICATION_PATH: Final = "/ciba-notification"


class Refusals:
    """Logs refused notifications. Of those that anybody could send: ten at once, then one in ten seconds."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._strangers = TokenBucket(10, 10.0)

    def log(self, error: FapiError) -> None:
        if not isinstance(error, WrongNotificationToken) or self._strangers.take(self._clock()):
            log_failure(error, "a CIBA notification was refused")


def unread_notification(request: WebRequest) -> WebAnswer | None:
    """The answer to a notification that is not read: it is too large, or no JSON. None: read it."""
    if len(request.body) > MAX_BODY:
        return _empty(413)
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    return None if media_type == "application/json" else _empty(415)


def notification_heard() -> WebAnswer:
    """The answer to the first notification of a request, and to its repetitions."""
    return _empty(204)


def notification_not_heard(error: FapiError) -> WebAnswer:
    """The answer to a notification that is refused, or that cannot be kept now. A server reads it, not a user."""
    if isinstance(error, WrongNotificationToken):
        return _empty(401, ("www-authenticate", "Bearer"))
    undecided = isinstance(error, TransportError | StoreError)
    return _empty(503 if undecided else 400)


def _empty(status: int, *headers: tuple[str, str]) -> WebAnswer:
    return WebAnswer(status, (*headers, *PRIVATE_HEADERS))
