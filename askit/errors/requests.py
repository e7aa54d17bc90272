"""The refusals of a request, before anybody asks who decides on it. See the tree in `askit.errors`.

Role: AS
"""

from __future__ import annotations

from fapikit.errors import FapiError, Fault, Remedy


class Refused(FapiError):
    """A request that this server refuses. `status`: the HTTP status if it is answered directly."""

    status = 400
    remedy = Remedy.CORRECT_THE_REQUEST


class InvalidRequest(Refused):
    """A parameter is missing, malformed or not allowed here."""

    code = "invalid_request"
    clause = "RFC 6749 4.1.2.1"


class TooLarge(InvalidRequest):
    """A body, a parameter or a record is longer than this server accepts."""

    clause = "RFC 9126 2.3"
    status = 413


class HeadTooLarge(InvalidRequest):
    """The request target or the headers are longer than this server reads."""

    clause = "RFC 6585 5"
    status = 431


class TooSlow(InvalidRequest):
    """The body took longer than this server waits."""

    clause = "RFC 9110 15.5.9"
    status = 408


class NoSuchEndpoint(Refused):
    """Nothing is served at this path (404), or not for this method (405)."""

    code = "invalid_request"
    clause = "RFC 8414 3"

    def __init__(self, status: int) -> None:
        what = "this path does not accept this method" if status == 405 else "nothing is served at this path"
        super().__init__(f"{what}: the metadata of the issuer list its endpoints")
        self.status = status


class MissingCertificate(InvalidRequest):
    """The client's tokens are bound to its certificate, and the connection shows none."""

    clause = "RFC 8705 3.4"


class ShareTaken(Refused):
    """The share of this client, address or user in the store is used up for now."""

    code = "temporarily_unavailable"
    clause = "RFC 9126 2.3"
    status = 429
    remedy = Remedy.RETRY_LATER


class InvalidRequestUri(Refused):
    """The request_uri is unknown, expired, already used, or of another client."""

    code = "invalid_request_uri"
    clause = "RFC 9126 4c"


class AnsweredBefore(InvalidRequestUri):
    """The user has already decided on this request. `grant_id`: the grant of that decision; empty if there is none."""

    clause = "RFC 9126 4b"
    grant_id = ""


class UnusableRequestUri(Refused):
    """A request_uri that the client did not register, or one with no request object behind it."""

    code = "invalid_request_uri"
    clause = "RFC 9101 5.2"


class InvalidRequestObject(Refused):
    """The signed request object breaks a rule."""

    code = "invalid_request_object"
    clause = "RFC 9101 6.2"


class UnsupportedResponseType(Refused):
    """A response type that the profile does not allow."""

    code = "unsupported_response_type"
    clause = "FAPI2-SP 5.3.2.2-1"


class InvalidScope(Refused):
    """A scope that is unknown, not allowed for this client, or more than was granted."""

    code = "invalid_scope"
    clause = "RFC 6749 3.3"


class InvalidTarget(Refused):
    """The resource is unknown, not granted, or more than one."""

    code = "invalid_target"
    clause = "RFC 8707 2b"


class InvalidAuthorizationDetails(Refused):
    """An authorization detail of unknown type, or with an unknown, missing or ill-typed field."""

    code = "invalid_authorization_details"
    clause = "RFC 9396 5"


class ServerError(Refused):
    """An unforeseen fault of this server."""

    code = "server_error"
    clause = "RFC 6749 4.1.2.1"
    status = 500
    fault = Fault.CONFIGURATION
    remedy = Remedy.TELL_THE_PEER
