"""The refusals of what receivers of Shared Signals ask for. See the tree in `askit.errors`.

Role: AS
"""

from __future__ import annotations

from askit.errors.requests import Refused
from fapikit.errors import Remedy


class NoSuchStream(Refused):
    """This receiver has no event stream with this `stream_id`."""

    code = "invalid_request"
    clause = "SSF 8.1.1"
    status = 404


class NoReceiver(Refused):
    """The client may have no event stream, or its token has not the scope for this."""

    code = "unauthorized_client"
    clause = "SSF 8.1.1"
    status = 403


class StreamExists(Refused):
    """A receiver has one event stream at most."""

    code = "invalid_request"
    clause = "SSF 8.1.1"
    status = 409


class TooManyVerifications(Refused):
    """A receiver asks for verification events more often than its stream says."""

    code = "temporarily_unavailable"
    clause = "SSF 8.1.4"
    status = 429
    remedy = Remedy.RETRY_LATER
