"""The errors of requests that the user decides on another device. See the tree in `rpkit.errors`."""

from __future__ import annotations

from fapikit.errors import ClaimError, FapiError, Fault, MessageError, Remedy


class WrongNotificationToken(MessageError):
    """A ping or push of CIBA shows no bearer token, or one that does not belong to the `auth_req_id` in it."""

    clause = "CIBA 10.2b"


class WrongAuthReqId(ClaimError):
    """The ID token of a push names another `auth_req_id` than the push itself."""

    clause = "CIBA 10.3.1b"


class OtherUser(ClaimError):
    """The ID token is about another user than the ID token that was the hint of the request."""

    clause = "CIBA 7.1c"


class DecoupledRequestError(FapiError):
    """A request that the user decides on another device (RFC 8628, CIBA) gave no tokens."""

    fault = Fault.USER
    remedy = Remedy.SIGN_IN_AGAIN
    clause = "RFC 8628 3.5c"


class RequestDenied(DecoupledRequestError):
    """The user or the server refused the request. `peer_description` is the `error_description` of the server."""

    def __init__(
        self, message: str, *, clause: str | None = None, peer_description: str | None = None
    ) -> None:
        super().__init__(message, clause=clause, facts={"error": "access_denied"})
        self.peer_description = peer_description


class RequestExpired(DecoupledRequestError):
    """Nobody decided before the request expired."""


class RequestEnded(DecoupledRequestError):
    """The request was answered before, with tokens or a refusal. It is not polled again."""


class WaitCancelled(DecoupledRequestError):
    """The application cancelled the wait. The request itself lives on at the server until it expires."""
