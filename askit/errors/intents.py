"""The refusals of lodged intents: where they are lodged, and where a request names one. See the tree in `askit.errors`.

Role: AS
"""

from __future__ import annotations

from askit.errors.requests import Refused


class InvalidIntent(Refused):
    """A body that is not of the shape in which intents of this type are lodged. The message names member and rule."""

    code = "invalid_request"
    clause = "LODGING 1"


class UnusableIdempotencyKey(Refused):
    """The idempotency key of an intent is not exactly one key."""

    code = "invalid_request"
    clause = "Idempotency-Key 2.1"


class IdempotencyKeyReused(Refused):
    """An intent with another body was lodged with this idempotency key."""

    code = "idempotency_key_reused"
    clause = "Idempotency-Key 2.7"
    status = 422


class IntentRefused(Refused):
    """A request names an intent, and cannot be granted because of it."""

    code = "invalid_request"
    clause = "LODGING 4"


class MalformedIntentRequest(IntentRefused):
    """The request does not name its intent in the way of that shape, or asks for more beside it."""

    clause = "LODGING 2"


class UnknownIntent(IntentRefused):
    """No such intent was lodged here, or another client lodged it."""


class LapsedIntent(IntentRefused):
    """Nobody decided on the intent in time, or the time that it was asked for is over."""


class UsedIntent(IntentRefused):
    """A user has already agreed to the intent: it gives one grant."""


class RejectedIntent(IntentRefused):
    """A user has refused the intent. That is final."""


class RevokedIntent(IntentRefused):
    """The intent was ended: by its client, or by the user at the bank."""

    clause = "LODGING 5"


class NoSuchIntent(Refused):
    """No intent of this client has this URL."""

    code = "invalid_request"
    clause = "LODGING 5"
    status = 404
