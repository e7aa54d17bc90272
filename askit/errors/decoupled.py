"""The refusals of requests that the user decides on another device, and of their polls. See the tree in `askit.errors`.

Role: AS
"""

from __future__ import annotations

from askit.errors.requests import Refused, ShareTaken
from fapikit.errors import Remedy


class TooManyPending(ShareTaken):
    """So many authentication requests wait for this user that no further one is shown to him for now."""

    clause = "CIBA 7.1.2"


class AuthorizationPending(Refused):
    """The user has not decided yet: poll again after the interval."""

    code = "authorization_pending"
    clause = "RFC 8628 3.5"
    remedy = Remedy.RETRY_LATER


class SlowDown(Refused):
    """Still pending, and this poll came too early: the interval is now five seconds longer."""

    code = "slow_down"
    clause = "RFC 8628 3.5"
    remedy = Remedy.RETRY_LATER


class LapsedRequest(Refused):
    """The `device_code` or `auth_req_id` has expired: stop polling, and start again if the user wants to."""

    code = "expired_token"
    clause = "RFC 8628 3.5"
    remedy = Remedy.SIGN_IN_AGAIN


class UnknownUser(Refused):
    """The hint of an authentication request names nobody, or more than one user."""

    code = "unknown_user_id"
    clause = "CIBA 13a"


class ExpiredLoginHintToken(Refused):
    """The login_hint_token has expired."""

    code = "expired_login_hint_token"
    clause = "CIBA 13a"


class InvalidBindingMessage(Refused):
    """A binding message that cannot be shown to the user."""

    code = "invalid_binding_message"
    clause = "CIBA 13a"


class MissingUserCode(Refused):
    """This user is only asked if the request has the user's code."""

    code = "missing_user_code"
    clause = "CIBA 13a"


class InvalidUserCode(Refused):
    """The user code is not this user's."""

    code = "invalid_user_code"
    clause = "CIBA 13a"
