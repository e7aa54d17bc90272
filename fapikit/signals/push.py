"""Events that a transmitter posts to us: what is read of the request, and what is answered.

The answer to a good event comes when the event is kept, so the transmitter may forget it then. What cannot be decided
now is answered with 503, and what is more than the transmitter may send in a minute with 429: it sends it again. A
stranger fills no log, and uses up no budget.

Spec: RFC 8935 2.1, 2.2, 2.3, 2.4; SSF 6.1
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import Final

from fapikit import strict_json
from fapikit.errors import (
    BadSignature,
    FapiError,
    ForbiddenAlgorithm,
    JwtKeyError,
    MalformedJwt,
    SignalError,
    StoreError,
    TooManyEvents,
    TransportError,
    WrongAudience,
    WrongIssuer,
    WrongPushAuthorization,
)
from fapikit.flow import Flow
from fapikit.http_message import Headers
from fapikit.secrets import Concealed, Secret
from fapikit.signals.receiver import LOG, EventReceiver
from fapikit.token_bucket import TokenBucket

MEDIA_TYPE: Final = "application/secevent+jwt"
MAX_BODY: Final = 64 * 1024
"""Octets. Of a longer body no more is read."""
_RETRY_AFTER: Final = "5"


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """The response to a push: 202, or 400 with `err`, or 429, or 503."""

    status: int
    headers: Headers
    body: bytes = field(default=b"", repr=False)


def error_code(error: FapiError) -> str:
    """The `err` that tells a transmitter what was wrong with its event (RFC 8935 2.4)."""
    if isinstance(error, WrongIssuer):
        return "invalid_issuer"
    if isinstance(error, WrongAudience):
        return "invalid_audience"
    if isinstance(error, BadSignature | JwtKeyError | ForbiddenAlgorithm):
        return "invalid_key"
    return (error.code if isinstance(error, SignalError) else None) or "invalid_request"


class PushEndpoint:
    """Answers the pushes of one transmitter."""

    def __init__(self, receiver: EventReceiver) -> None:
        self._receiver = receiver
        self._refusals = TokenBucket(10, 10.0)
        self._undecided = TokenBucket(10, 10.0)
        self._too_many = TokenBucket(1, 60.0)

    def answer(
        self, *, authorization: Concealed[str | None], content_type: str | None, body: Concealed[bytes]
    ) -> Flow[PushAnswer]:
        """The response to one POST. It raises no FapiError."""
        try:
            authorized = self._require_authorization(authorization)
            token = _token_in(content_type, body)
            heard = yield from self._receiver.hear(token, sender_known=authorized)
        except (TransportError, StoreError) as error:
            # Anybody can name a key that is not known yet, so this is logged as seldom as a refusal.
            if self._undecided.take(self._receiver.clock()):
                LOG.warning("an event cannot be taken now: %s", error)
            return PushAnswer(503, (("retry-after", _RETRY_AFTER), ("cache-control", "no-store")))
        except TooManyEvents as error:
            if self._too_many.take(self._receiver.clock()):
                LOG.warning(
                    "events of %s are answered with 429: %s", self._receiver.transmitter.issuer, error
                )
            return PushAnswer(
                429, (("retry-after", str(ceil(error.retry_after))), ("cache-control", "no-store"))
            )
        except FapiError as error:
            if self._refusals.take(self._receiver.clock()):
                LOG.warning("a pushed event was refused: %s; %s", error, type(error).__name__)
            return _refused(error)
        LOG.info("heard%s of %s", " again" if heard.again else "", heard.event)
        return PushAnswer(202, (("cache-control", "no-store"),))

    def _require_authorization(self, authorization: Concealed[str | None]) -> bool:
        """Whether the stream has an Authorization header, so that this push comes from the transmitter."""
        expected = self._receiver.transmitter.push_authorization
        if expected is not None and not expected.matches(authorization.reveal() or ""):
            raise WrongPushAuthorization(
                "the Authorization header of the push is not the authorization_header of its stream"
            )
        return expected is not None


def _token_in(content_type: str | None, body: Concealed[bytes]) -> Secret:
    if (content_type or "").split(";")[0].strip().lower() != MEDIA_TYPE:
        raise SignalError(f"the media type of a push must be {MEDIA_TYPE}", clause="RFC 8935 2.1")
    if len(body.reveal()) > MAX_BODY or not body.reveal().isascii():
        raise MalformedJwt("the body of the push is no security event token", clause="RFC 8935 2.1")
    return Secret(body.reveal().decode("ascii").strip())


def _refused(error: FapiError) -> PushAnswer:
    told = {"err": error_code(error), "description": str(error)}
    headers = (
        ("content-type", "application/json"),
        ("content-language", "en"),
        ("cache-control", "no-store"),
    )
    return PushAnswer(400, headers, strict_json.dump(told))
